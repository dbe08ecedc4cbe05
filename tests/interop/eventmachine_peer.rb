# Ruby's EventMachine: ObjectProtocol, which sends objects behind four bytes of length, and LineText2.
#
#     ruby eventmachine_peer.rb object|line client HOST PORT
#     ruby eventmachine_peer.rb object|line server HOST
#
# How it is told what to send, and tells what it got: see README.md. The objects are strings of bytes, as they are.
require "eventmachine"

$stdout.sync = true

def report(message)
  puts "got #{message.empty? ? "-" : message.unpack1("H*")}"
end

module AsTheyAre
  def self.dump(bytes) = bytes
  def self.load(bytes) = bytes
end

module Objects
  include EM::P::ObjectProtocol

  def serializer = AsTheyAre
  def receive_object(message) = received(message)
  def put(message) = send_object(message)
end

module Lines
  include EM::P::LineText2

  def receive_line(message) = received(message)
  def put(message) = send_data("#{message}\n".b)
end

# Sends every message back.
module Server
  def post_init = set_sock_opt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, true)
  def unbind(_reason = nil) = puts("end")

  def received(message)
    report(message)
    put(message)
  end
end

# Sends what it is told.
module Client
  def received(message) = report(message)

  def post_init
    set_sock_opt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, true)
    EM.attach($stdin, Turns, self)
  end

  def unbind(reason = nil)
    puts(reason.is_a?(Class) || reason.nil? ? "end" : "failed #{reason}")
    EM.stop
  end
end

# Standard input: each line has the messages of one turn.
module Turns
  include EM::P::LineText2

  def initialize(connection) = @connection = connection

  def receive_line(line)
    line.split.each { |word| @connection.put(word == "-" ? "".b : [word].pack("H*")) }
  end

  # It cannot close one direction alone.
  def unbind = @connection.close_connection_after_writing
end

framing, role, host, port = ARGV
framing = framing == "line" ? Lines : Objects
EM.run do
  if role == "client"
    EM.connect(host, port.to_i, Class.new(EM::Connection) { include framing; include Client })
  else
    server = EM.start_server(host, 0, Class.new(EM::Connection) { include framing; include Server })
    puts "listening #{Socket.unpack_sockaddr_in(EM.get_sockname(server)).first}"
    EM.attach($stdin, Module.new { def unbind = EM.stop })
  end
end
