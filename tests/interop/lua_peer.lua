-- Lua's string.pack(">s4") and LuaSocket's lines.
--
--     lua5.4 lua_peer.lua s4|line client HOST PORT
--     lua5.4 lua_peer.lua s4|line server HOST
--
-- How it is told what to send, and tells what it got: see README.md.
local socket = require("socket")

local framing, role, host, port = table.unpack(arg)

local function say(text)
  io.write(text, "\n")
  io.flush()
end

local function to_hex(bytes)
  if bytes == "" then return "-" end
  return (bytes:gsub(".", function(byte) return string.format("%02x", byte:byte()) end))
end

local function from_hex(word)
  if word == "-" then return "" end
  return (word:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function put(connection, message)
  local bytes = framing == "line" and message .. "\n" or string.pack(">s4", message)
  assert(connection:send(bytes))
end

-- The next message; or nothing, why, and what came of it.
local function take(connection)
  if framing == "line" then return connection:receive("*l") end
  local header, why, part = connection:receive(4)
  if not header then return nil, why, part end
  local length, message = (string.unpack(">I4", header)), nil
  -- To receive nothing it would wait for the byte behind.
  if length == 0 then return "" end
  message, why, part = connection:receive(length)
  return message, why, message or header .. part
end

-- Reports a message and hands it on; false when there are no more.
local function hear(connection, received)
  local message, why, part = take(connection)
  if message then
    say("got " .. to_hex(message))
    received(connection, message)
    return true
  end
  if why == "closed" and part == "" then
    say("end")
  else
    say(string.format("failed %s after %d bytes", why, #part))
  end
  return false
end

-- Standard input, for `select`; not read ahead, or `select` would not know of what is waiting.
local input = { getfd = function() return 0 end, dirty = function() return false end }
io.stdin:setvbuf("no")

local function client()
  local connection = assert(socket.connect(host, tonumber(port)))
  connection:setoption("tcp-nodelay", true)
  local waiting = { connection, input }
  while true do
    local ready = socket.select(waiting)
    if ready[input] then
      local line = io.read("l")
      if line then
        for word in line:gmatch("%S+") do put(connection, from_hex(word)) end
      else
        connection:shutdown("send")
        table.remove(waiting)
      end
    end
    if ready[connection] and not hear(connection, function() end) then return end
  end
end

local function server()
  local listener = assert(socket.bind(host, 0))
  say("listening " .. select(2, listener:getsockname()))
  local waiting = { input, listener }
  while true do
    local ready = socket.select(waiting)
    if ready[input] and not io.read("l") then return end
    if ready[listener] then
      local connection = assert(listener:accept())
      connection:setoption("tcp-nodelay", true)
      table.insert(waiting, connection)
    end
    for at = #waiting, 3, -1 do
      local connection = waiting[at]
      if ready[connection] and not hear(connection, put) then
        connection:close()
        table.remove(waiting, at)
      end
    end
  end
end

if role == "client" then client() else server() end
