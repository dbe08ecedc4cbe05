#!/usr/bin/env escript
%% Erlang/OTP's own framing: sockets with {packet, 4} or {packet, line}.
%%
%%     erlang_peer.escript 4|line client HOST PORT [OPTION=N]...
%%     erlang_peer.escript 4|line server HOST [OPTION=N]...
%%
%% How it is told what to send, and tells what it got: see README.md. Options are those of gen_tcp that are a number,
%% as buffer=200000.

main([Packet, "client", Host, Port | Options]) ->
    {ok, Socket} = gen_tcp:connect(Host, list_to_integer(Port), options(Packet, Options), 10000),
    Self = self(),
    spawn_link(fun() -> read_turns(Self) end),
    talk(Packet, Socket);
main([Packet, "server", Host | Options]) ->
    {ok, Address} = inet:parse_address(Host),
    {ok, Listener} = gen_tcp:listen(0, [{ip, Address}, {reuseaddr, true} | options(Packet, Options)]),
    {ok, Port} = inet:port(Listener),
    say(["listening ", integer_to_list(Port)]),
    spawn_link(fun() -> accept(Packet, Listener) end),
    eof = io:get_line(""),
    halt(0).

options(Packet, Options) ->
    Mode = case Packet of "4" -> 4; "line" -> line end,
    [binary, {packet, Mode}, {active, false}, {nodelay, true}]
        ++ [option(string:split(Option, "=")) || Option <- Options].

option([Name, Number]) -> {list_to_atom(Name), list_to_integer(Number)}.

%% A client: sends what it is told, reports what comes.
talk(Packet, Socket) ->
    %% An error means that the socket is closed already, and then the message that says so is waiting.
    _ = inet:setopts(Socket, [{active, once}]),
    receive
        {turn, Messages} ->
            [ok = send(Packet, Socket, Message) || Message <- Messages],
            talk(Packet, Socket);
        no_more_turns ->
            ok = gen_tcp:shutdown(Socket, write),
            talk(Packet, Socket);
        {tcp, Socket, Data} ->
            report(Packet, Data),
            talk(Packet, Socket);
        {tcp_closed, Socket} ->
            say("end"),
            halt(0);
        {tcp_error, Socket, Reason} ->
            say(["failed ", atom_to_list(Reason)]),
            halt(0)
    end.

read_turns(Main) ->
    case io:get_line("") of
        eof -> Main ! no_more_turns;
        Line ->
            Main ! {turn, [from_hex(Word) || Word <- string:lexemes(Line, " \n")]},
            read_turns(Main)
    end.

%% A server: sends every message back.
accept(Packet, Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Server = spawn(fun() -> receive go -> serve(Packet, Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Server),
    Server ! go,
    accept(Packet, Listener).

serve(Packet, Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Data} ->
            report(Packet, Data),
            %% A line still has its LF.
            ok = gen_tcp:send(Socket, Data),
            serve(Packet, Socket);
        {error, closed} ->
            say("end"),
            gen_tcp:close(Socket);
        {error, Reason} ->
            say(["failed ", atom_to_list(Reason)]),
            gen_tcp:close(Socket)
    end.

send("4", Socket, Message) -> gen_tcp:send(Socket, Message);
send("line", Socket, Message) -> gen_tcp:send(Socket, [Message, $\n]).

report("4", Data) -> say(["got ", to_hex(Data)]);
report("line", Data) ->
    case binary:last(Data) of
        $\n -> say(["got ", to_hex(binary:part(Data, 0, byte_size(Data) - 1))]);
        _ -> say(["piece ", to_hex(Data)])
    end.

say(Text) -> io:put_chars([Text, $\n]).

to_hex(<<>>) -> "-";
to_hex(Data) -> binary:encode_hex(Data).

from_hex("-") -> <<>>;
from_hex(Word) -> binary:decode_hex(list_to_binary(Word)).
