%% A client of the services `trim` and `echo` in Erlang, whose own framing {packet, 4} is the `u32` framing.
%%
%%     escript partner.escript HOST ECHO_PORT TRIM_PORT BUFFER_SIZE
%%
%% prints `ok CASE` for each case; a case that fails ends it with an exit status other than 0.

-mode(compile).

main([Host, Echo, Trim, Buffer]) ->
    Ports = {Host, list_to_integer(Echo), list_to_integer(Trim)},
    Size = list_to_integer(Buffer),
    Cases = [
        {example, fun example/2},
        {lengths, fun lengths/2},
        {three_before_the_first_reply_is_read, fun three_before_the_first_reply_is_read/2},
        {a_hundred_in_one_write, fun a_hundred_in_one_write/2},
        {one_byte_at_a_time, fun one_byte_at_a_time/2},
        {half_close, fun half_close/2},
        {not_text, fun not_text/2},
        {a_hundred_clients_at_once, fun a_hundred_clients_at_once/2}
    ],
    lists:foreach(fun({Name, Case}) -> Case(Ports, Size), io:format("ok ~s~n", [Name]) end, Cases).

example(Ports, _) ->
    Link = connect(trim, Ports, [{packet, 4}]),
    <<" and seven years ago">> = ask(Link, <<"Four score and seven years ago">>),
    <<>> = ask(Link, <<>>),
    Crabs = unicode:characters_to_binary(lists:duplicate(11, 16#1F980)),
    <<16#1F980/utf8>> = ask(Link, Crabs),
    gen_tcp:close(Link).

lengths(Ports, Size) ->
    EchoLink = connect(echo, Ports, [{packet, 4}]),
    TrimLink = connect(trim, Ports, [{packet, 4}]),
    Lengths = [0, 1, 9, 10, 11] ++ lists:seq(Size - 15, Size + 15) ++ [3 * Size + 7, 10 * Size, 70000],
    lists:foreach(
        fun(Length) ->
            Text = text(Length),
            Rest = binary:part(Text, min(10, Length), Length - min(10, Length)),
            Text = ask(EchoLink, Text),
            Rest = ask(TrimLink, Text)
        end,
        Lengths
    ),
    gen_tcp:close(EchoLink),
    gen_tcp:close(TrimLink).

three_before_the_first_reply_is_read(Ports, Size) ->
    Link = connect(echo, Ports, [{packet, 4}]),
    Texts = [text(5), text(Size + 5), text(4 * Size)],
    [ok = gen_tcp:send(Link, Text) || Text <- Texts],
    [{ok, Text} = gen_tcp:recv(Link, 0, 60000) || Text <- Texts],
    gen_tcp:close(Link).

a_hundred_in_one_write(Ports, _) ->
    Link = connect(trim, Ports, [{packet, raw}]),
    Numbers = [integer_to_binary(N) || N <- lists:seq(1, 100)],
    ok = gen_tcp:send(Link, [frame(<<"0123456789", N/binary>>) || N <- Numbers]),
    Replies = iolist_to_binary([frame(N) || N <- Numbers]),
    {ok, Replies} = gen_tcp:recv(Link, byte_size(Replies), 60000),
    gen_tcp:close(Link).

one_byte_at_a_time(Ports, Size) ->
    Link = connect(echo, Ports, [{packet, raw}, {nodelay, true}]),
    Stream = iolist_to_binary([frame(text(30)), frame(<<>>), frame(text(Size + 20))]),
    [ok = gen_tcp:send(Link, [Byte]) || <<Byte>> <= Stream],
    {ok, Stream} = gen_tcp:recv(Link, byte_size(Stream), 60000),
    gen_tcp:close(Link).

half_close(Ports, Size) ->
    Link = connect(echo, Ports, [{packet, 4}]),
    Texts = [text(30), <<>>, text(Size + 1), text(5 * Size)],
    [ok = gen_tcp:send(Link, Text) || Text <- Texts],
    ok = gen_tcp:shutdown(Link, write),
    [{ok, Text} = gen_tcp:recv(Link, 0, 60000) || Text <- Texts],
    {error, closed} = gen_tcp:recv(Link, 0, 60000).

not_text(Ports, _) ->
    Link = connect(trim, Ports, [{packet, 4}]),
    ok = gen_tcp:send(Link, <<"0123456789 good">>),
    ok = gen_tcp:send(Link, <<"12345", 16#FF>>),
    {ok, <<" good">>} = gen_tcp:recv(Link, 0, 60000),
    {error, closed} = gen_tcp:recv(Link, 0, 60000),
    gen_tcp:close(Link).

a_hundred_clients_at_once(Ports, Size) ->
    Run = fun(N) ->
        Link = connect(echo, Ports, [{packet, 4}]),
        [Text = ask(Link, Text) || Length <- [N, Size + N, 3 * Size + N], Text <- [text(Length)]],
        gen_tcp:close(Link)
    end,
    Clients = [spawn_monitor(fun() -> Run(N) end) || N <- lists:seq(1, 100)],
    [receive {'DOWN', Ref, process, Pid, Reason} -> normal = Reason end || {Pid, Ref} <- Clients].

connect(Service, {Host, Echo, Trim}, Options) ->
    Port = case Service of echo -> Echo; trim -> Trim end,
    {ok, Link} = gen_tcp:connect(Host, Port, [binary, {active, false} | Options], 60000),
    Link.

ask(Link, Text) ->
    % A long message is answered before it has ended, so another process sends it.
    Self = self(),
    spawn_link(fun() -> Self ! {sent, gen_tcp:send(Link, Text)} end),
    {ok, Reply} = gen_tcp:recv(Link, 0, 60000),
    receive {sent, ok} -> Reply end.

frame(Text) -> <<(byte_size(Text)):32/big, Text/binary>>.

text(Length) -> << <<(32 + (I * 7 + I div 89) rem 95)>> || I <- lists:seq(0, Length - 1) >>.
