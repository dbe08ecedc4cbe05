-- Shows the messages of Framewright's services in Wireshark and tshark: where each begins and ends, whatever segments it came in.
--
-- Install: copy this file into the folder "Personal Lua Plugins" (Help > About Wireshark > Folders), or name it once:
--
--     tshark -X lua_script:framewright.lua -r capture.pcap
--
-- Four protocols, each with its ports among the preferences (Edit > Preferences > Protocols > Framewright ...):
--
--     framewright.u32     [length, 4 bytes, most significant first][payload]     trim, echo
--     framewright.lines   text ended by LF, or CR LF                              kv, chat
--     framewright.json    [header length, 2 bytes][JSON header][content]          message
--     framewright.udp     a datagram is a message                                 udp-echo
--
-- A stream is followed from where the capture begins: one that begins in the middle of a message is read wrongly.
-- Where segments were lost or came out of order: Preferences > Protocols > TCP > Reassemble out-of-order segments.

-- What a message of any framing has, with the names of its fields below `prefix`.
local function message_fields(prefix, more)
    local fields = {
        payload = ProtoField.bytes(prefix .. ".payload", "Payload", base.NONE, "What the message says, without its framing"),
        text = ProtoField.string(prefix .. ".text", "Text", base.UNICODE, "The payload, where it is UTF-8"),
        length = ProtoField.uint32(prefix .. ".length", "Length", base.DEC, nil, nil, "Bytes of payload"),
    }
    for name, field in pairs(more) do
        fields[name] = field
    end
    return fields
end

local function malformed(name, text)
    return ProtoExpert.new(name, text, expert.group.MALFORMED, expert.severity.ERROR)
end

local function warning(name, text)
    return ProtoExpert.new(name, text, expert.group.PROTOCOL, expert.severity.WARN)
end

-- Text up to so many bytes is shown as text.
local TEXT_LIMIT = 65536

-- Whether a string is UTF-8: no stray continuation, no overlong form, no surrogate, nothing above U+10FFFF.
local function is_utf8(bytes)
    local at, size = 1, #bytes
    while at <= size do
        local plain = bytes:find("[\128-\255]", at)
        if not plain then
            return true
        end
        at = plain
        local first, second = bytes:byte(at, at + 1)
        local more
        if first >= 0xC2 and first <= 0xDF then
            more = 1
        elseif first >= 0xE0 and first <= 0xEF then
            more = 2
            if not second or first == 0xE0 and second < 0xA0 or first == 0xED and second > 0x9F then
                return false
            end
        elseif first >= 0xF0 and first <= 0xF4 then
            more = 3
            if not second or first == 0xF0 and second < 0x90 or first == 0xF4 and second > 0x8F then
                return false
            end
        else
            return false
        end
        for i = at + 1, at + more do
            local byte = bytes:byte(i)
            if not byte or byte < 0x80 or byte > 0xBF then
                return false
            end
        end
        at = at + more + 1
    end
    return true
end

-- Adds payload to a message's tree, as bytes and, where it is, as text. What it says, shortened for a column.
local function add_payload(tree, fields, range)
    if not range or range:len() == 0 then
        return "", true
    end
    tree:add(fields.payload, range)
    if range:len() > TEXT_LIMIT then
        return "", true
    end
    local raw = range:raw()
    if not is_utf8(raw) then
        return "", false
    end
    tree:add(fields.text, range, raw):set_generated(false)
    local shown = raw:gsub("%c", ".")
    if #shown > 40 then
        -- Not in the middle of a character.
        shown = shown:sub(1, 40):gsub("[\194-\244][\128-\191]*$", "") .. "…"
    end
    return ": " .. shown, true
end

-- The directions of connections that wait for the rest of a message, and the frames in which one of them ended: a FIN that comes
-- alone, or with too few bytes, is shown to nobody but TCP, and to what looks at every frame when all others have.
local waiting, ended = {}, {}
local stream_of, fin_of = Field.new("tcp.stream"), Field.new("tcp.flags.fin")
local gap_of = Field.new("tcp.analysis.lost_segment")

local function way_of(pinfo)
    return tostring(stream_of()) .. ":" .. pinfo.src_port
end

-- `take` is called with what has come (a Tvb), an offset, and what it is to be shown in; it answers with
--
--     the bytes of the message at the offset, and a summary, when it is all there;
--     nil and the bytes that are missing (or nil: one more segment), when it is not;
--     false, when the bytes there are no message. Then nobody knows where the next one would begin, if there were one.
local function follow(proto, noun, truncated, take)
    -- The frame in which a direction of a connection ceased to be messages.
    local broken = {}
    function proto.init()
        broken = {}
    end
    function proto.dissector(tvb, pinfo, tree)
        local size = tvb:len()
        if size ~= tvb:reported_len() then
            return 0 -- The capture holds only the beginning of each packet.
        end
        local way = way_of(pinfo)
        if broken[way] and broken[way] < pinfo.number then
            return 0
        end
        pinfo.cols.protocol = proto.name
        local asks = pinfo.match_uint == pinfo.dst_port
        local who = asks and "request" or "answer"
        if not pinfo.visited then
            waiting[way] = nil
        end
        local said = {}
        local offset, count = 0, 0
        while offset < size do
            local taken, summary = take(tvb, offset, pinfo, tree, who)
            if taken == nil then
                local flag = fin_of()
                local over = flag and flag.value
                if pinfo.can_desegment > 0 and not over then
                    pinfo.desegment_offset = offset
                    pinfo.desegment_len = summary or DESEGMENT_ONE_MORE_SEGMENT
                    if not pinfo.visited then
                        waiting[way] = { proto = proto, truncated = truncated, who = who }
                    end
                    break
                end
                local rest = tvb(offset)
                local item = tree:add(proto, rest, string.format("%s, %d bytes of a %s", proto.description, rest:len(), who))
                item:add_proto_expert_info(truncated)
                said[#said + 1] = string.format("%d bytes of a message", rest:len())
                break
            elseif taken == false then
                broken[way] = broken[way] or pinfo.number
                said[#said + 1] = "[malformed]"
                break
            end
            offset = offset + taken
            count = count + 1
            if count <= 4 then
                said[#said + 1] = summary
            end
        end
        if count > 4 then
            said[#said + 1] = string.format("… %d %s in all", count, noun)
        end
        if #said > 0 then
            -- The end of one message and the next ones, in a segment, are two calls; what was said first stays in the column.
            local behind = tostring(pinfo.cols.info):find("^[→←]")
            pinfo.cols.info = (behind and " │ " or asks and "→ " or "← ") .. table.concat(said, " │ ")
        end
        return size
    end
end

-- Makes ports a preference, and keeps the table of dissectors in step with it.
local function at_ports(proto, kind, ports)
    proto.prefs.ports = Pref.range(kind:upper() .. " ports", ports, "Ports of services in this framing", 65535)
    local dissectors = DissectorTable.get(kind .. ".port")
    local used
    local function register()
        if used ~= proto.prefs.ports then
            if used and used ~= "" then
                dissectors:remove(used, proto)
            end
            used = proto.prefs.ports
            if used ~= "" then
                dissectors:add(used, proto)
            end
        end
    end
    proto.prefs_changed = register
    register()
end

-- ------------------------------------------------------------------------------------------------------------- u32

local u32 = Proto("framewright.u32", "Framewright u32")
local u32_fields = message_fields("framewright.u32", {})
u32.fields = u32_fields
local u32_experts = {
    too_long = malformed("framewright.u32.too_long", "The length is over the limit: a server closes this connection"),
    truncated = malformed("framewright.u32.truncated", "The stream ends inside a message"),
}
u32.experts = u32_experts
u32.prefs.max = Pref.uint("Longest message", 16777216, "Bytes of payload; what says that it has more is marked as malformed")

follow(u32, "messages", u32_experts.truncated, function(tvb, offset, _, tree, who)
    local left = tvb:len() - offset
    if left < 4 then
        return nil, nil
    end
    local length = tvb(offset, 4):uint()
    if length > u32.prefs.max then
        local item = tree:add(u32, tvb(offset), string.format("Framewright u32, %s of %u bytes?", who, length))
        item:add(u32_fields.length, tvb(offset, 4)):add_proto_expert_info(u32_experts.too_long)
        return false
    end
    if left < 4 + length then
        return nil, 4 + length - left
    end
    local item = tree:add(u32, tvb(offset, 4 + length), string.format("Framewright u32, %s of %d bytes", who, length))
    item:add(u32_fields.length, tvb(offset, 4))
    local text = add_payload(item, u32_fields, length > 0 and tvb(offset + 4, length) or nil)
    item:append_text(text)
    return 4 + length, string.format("[%d]%s", length, text)
end)

-- ----------------------------------------------------------------------------------------------------------- lines

local lines = Proto("framewright.lines", "Framewright lines")
local line_fields = message_fields("framewright.lines", {
    ending = ProtoField.string("framewright.lines.ending", "Ending", base.ASCII, "LF or CR LF"),
})
lines.fields = line_fields
local line_experts = {
    not_text = warning("framewright.lines.not_text", "The line is not UTF-8"),
    truncated = warning("framewright.lines.truncated", "The stream ends without the end of its last line"),
    too_long = malformed("framewright.lines.too_long", "The line is over the limit"),
}
lines.experts = line_experts
lines.prefs.max = Pref.uint("Longest line", 65536, "Bytes; what is longer is marked as malformed")

follow(lines, "lines", line_experts.truncated, function(tvb, offset, _, tree, who)
    local rest = tvb(offset)
    -- The bytes as a string: searching these is C, searching a Tvb would be Lua.
    local ended = rest:raw():find("\n", 1, true)
    if not ended then
        if rest:len() > lines.prefs.max then
            local item = tree:add(lines, rest, "Framewright lines, " .. who)
            item:add_proto_expert_info(line_experts.too_long)
            return false
        end
        return nil, nil
    end
    local length, ending = ended - 1, "LF"
    if length > 0 and tvb(offset + length - 1, 1):uint() == 13 then
        length, ending = length - 1, "CR LF"
    end
    local item = tree:add(lines, tvb(offset, ended), string.format("Framewright lines, %s of %d bytes", who, length))
    item:add(line_fields.length, tvb(offset, ended), length):set_generated()
    local text, is_text = add_payload(item, line_fields, length > 0 and tvb(offset, length) or nil)
    if not is_text then
        item:add_proto_expert_info(line_experts.not_text)
    end
    item:add(line_fields.ending, tvb(offset + length, ended - length), ending)
    item:append_text(text)
    return ended, text == "" and string.format("[%d]", length) or text:sub(3)
end)

-- ----------------------------------------------------------------------------------------------------- json-header

local json = Proto("framewright.json", "Framewright json-header")
local json_fields = message_fields("framewright.json", {
    header_length = ProtoField.uint16("framewright.json.header_length", "Header length", base.DEC, nil, nil, "Bytes of the JSON header"),
    header = ProtoField.string("framewright.json.header", "Header", base.UNICODE),
    byteorder = ProtoField.string("framewright.json.byteorder", "Byte order", base.UNICODE),
    content_type = ProtoField.string("framewright.json.content_type", "Content type", base.UNICODE),
    content_encoding = ProtoField.string("framewright.json.content_encoding", "Content encoding", base.UNICODE),
})
json.fields = json_fields
local json_experts = {
    header = malformed("framewright.json.malformed", "The header is no JSON object"),
    missing = malformed("framewright.json.missing_key", "A required key is missing in the header, or its value is of the wrong kind"),
    too_long = malformed("framewright.json.too_long", "The content is over the limit"),
    truncated = malformed("framewright.json.truncated", "The stream ends inside a message"),
}
json.experts = json_experts
json.prefs.max = Pref.uint("Longest content", 16777216, "Bytes; what says that it has more is marked as malformed")

-- The end of the JSON string that begins at `at`: the place behind its closing quote.
local function string_end(text, at)
    repeat
        at = text:find('["\\]', at + 1)
        if at and text:byte(at) == 92 then
            at = at + 1 -- An escaped quote closes nothing.
        elseif at then
            return at + 1
        end
    until not at
end

-- The end of the JSON value that begins at `at`. It is not checked: what is inside is passed over.
local function value_end(text, at)
    local depth = 0
    repeat
        local first = text:sub(at, at)
        if first == '"' then
            at = string_end(text, at)
        elseif first == "{" or first == "[" then
            depth, at = depth + 1, at + 1
        elseif first == "}" or first == "]" then
            depth, at = depth - 1, at + 1
        elseif depth == 0 then
            return text:match("^[%w%.%+%-]+()", at)
        else
            at = at + 1
        end
    until not at or depth == 0 or at > #text
    return depth == 0 and at or nil
end

-- The keys of a JSON object with their values as they are written; nil if it is none.
local function object(text)
    local at = text:match("^%s*{%s*()")
    if not at then
        return nil
    end
    local pairs_found = {}
    if text:match("^}%s*$", at) then
        return pairs_found
    end
    while true do
        local key_end = text:sub(at, at) == '"' and string_end(text, at)
        local value = key_end and text:match("^%s*:%s*()", key_end)
        local behind = value and value_end(text, value)
        if not behind then
            return nil
        end
        pairs_found[text:sub(at + 1, key_end - 2)] = { at = value, text = text:sub(value, behind - 1) }
        local comma = text:match("^%s*,%s*()", behind)
        if not comma then
            return text:match("^%s*}%s*$", behind) and pairs_found or nil
        end
        at = comma
    end
end

local HEADER_KEYS = {
    { "byteorder", "byteorder" },
    { "content-type", "content_type" },
    { "content-encoding", "content_encoding" },
}

follow(json, "messages", json_experts.truncated, function(tvb, offset, pinfo, tree, who)
    local left = tvb:len() - offset
    if left < 2 then
        return nil, nil
    end
    local header_length = tvb(offset, 2):uint()
    if left < 2 + header_length then
        return nil, 2 + header_length - left
    end
    local header = header_length > 0 and tvb(offset + 2, header_length)
    local found = header and object(header:raw())
    local size = found and found["content-length"] and tonumber(found["content-length"].text:match("^%d+$"))
    local whole = size and size <= json.prefs.max
    if whole and left < 2 + header_length + size then
        return nil, 2 + header_length + size - left
    end
    local item = tree:add(json, tvb(offset, whole and 2 + header_length + size or left), "Framewright json-header, " .. who)
    item:add(json_fields.header_length, tvb(offset, 2))
    if not found then
        item:add_proto_expert_info(json_experts.header)
        return false
    end
    local tree_of_header = item:add(json_fields.header, header, header:raw())
    local complete = true
    for _, key in ipairs(HEADER_KEYS) do
        local value = found[key[1]]
        local text = value and value.text:match('^"(.*)"$')
        if text then
            tree_of_header:add(json_fields[key[2]], header(value.at - 1, #value.text), text)
        else
            complete = false
            tree_of_header:add_proto_expert_info(json_experts.missing, key[1] .. " is missing, or is no string")
        end
    end
    if not size then
        tree_of_header:add_proto_expert_info(json_experts.missing, "content-length is missing, or is no number of bytes")
        return false
    end
    local value = found["content-length"]
    local length = tree_of_header:add(json_fields.length, header(value.at - 1, #value.text), math.min(size, 4294967295))
    if not whole then
        length:add_proto_expert_info(json_experts.too_long)
        return false
    end
    local content = size > 0 and tvb(offset + 2 + header_length, size) or nil
    local text = add_payload(item, json_fields, content)
    item:append_text(string.format(" of %d bytes%s", size, text))
    local kind = (found["content-type"] or {}).text or ""
    if content and kind:find("json", 1, true) then
        -- Wireshark's own view of it, below the message; what it writes into the columns is not wanted.
        local columns = tostring(pinfo.cols.protocol)
        Dissector.get("json"):call(content:tvb(), pinfo, item)
        pinfo.cols.protocol = columns
    end
    if not complete then
        return false
    end
    return 2 + header_length + size, string.format("[%d %s]%s", size, kind:gsub('"', ""), text)
end)

-- ------------------------------------------------------------------------------------------------------------- udp

local udp = Proto("framewright.udp", "Framewright datagram")
local udp_fields = message_fields("framewright.udp", {})
udp.fields = udp_fields

function udp.dissector(tvb, pinfo, tree)
    pinfo.cols.protocol = udp.name
    local asks = pinfo.match_uint == pinfo.dst_port
    local item = tree:add(udp, tvb(), string.format("Framewright datagram, %s of %d bytes", asks and "request" or "answer", tvb:len()))
    item:add(udp_fields.length, tvb(), tvb:len()):set_generated()
    local text = add_payload(item, udp_fields, tvb:len() > 0 and tvb() or nil)
    item:append_text(text)
    pinfo.cols.info = string.format("%s [%d]%s", asks and "→" or "←", tvb:len(), text)
    return tvb:len()
end

-- ------------------------------------------------------------------------------------------------------------ ends

local ends = Proto("framewright.ends", "Framewright ends of streams")

function ends.init()
    waiting, ended = {}, {}
end

function ends.dissector(_, pinfo, tree)
    local fin = fin_of()
    if not fin or not fin.value then
        return
    end
    if not pinfo.visited then
        local way = way_of(pinfo)
        -- Behind a gap, what is missing may still come.
        if not gap_of() then
            ended[pinfo.number] = waiting[way]
            waiting[way] = nil
        end
    end
    local message = ended[pinfo.number]
    if message then
        local item = tree:add(message.proto, string.format("%s, the rest of a %s is missing", message.proto.description, message.who))
        item:add_proto_expert_info(message.truncated)
        pinfo.cols.info:append(" [the rest of a " .. message.who .. " is missing]")
    end
end

register_postdissector(ends)

at_ports(u32, "tcp", "4567,12345")
at_ports(lines, "tcp", "5555,6380")
at_ports(json, "tcp", "65433")
at_ports(udp, "udp", "3456")
