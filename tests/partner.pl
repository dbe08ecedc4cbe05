# A client of the services `trim` and `echo` in Perl, with the modules that come with it.
#
#     perl partner.pl HOST ECHO_PORT TRIM_PORT BUFFER_SIZE
#
# prints `ok CASE` for each case, and dies at the first that goes wrong.
use strict;
use warnings;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

$| = 1;
my ($host, $echo, $trim, $buffer) = @ARGV;

sub link_to {
    my $link = IO::Socket::INET->new(PeerAddr => $host, PeerPort => shift, Proto => 'tcp', Timeout => 60) or die "connect: $@";
    setsockopt($link, IPPROTO_TCP, TCP_NODELAY, 1) or die "no delay: $!";
    return $link;
}

sub text {
    return join '', map { chr(32 + ($_ * 7 + int($_ / 89)) % 95) } 0 .. $_[0] - 1;
}

sub frame { return pack 'N/a*', shift }

sub put {
    my ($link, $bytes) = @_;
    while (length $bytes) {
        my $n = syswrite($link, $bytes) // die "write: $!";
        substr($bytes, 0, $n) = '';
    }
}

sub take {
    my ($link, $size) = @_;
    my $got = '';
    while (length $got < $size) {
        my $n = sysread($link, $got, $size - length $got, length $got) // die "read: $!";
        $n or die 'the server closed after ' . length($got) . " of $size bytes";
    }
    return $got;
}

sub receive { my $link = shift; return take($link, unpack 'N', take($link, 4)) }

sub same { my ($got, $want) = @_; $got eq $want or die 'got ' . length($got) . ' bytes, not ' . length $want }

# Sends from a process of its own: a long message is answered before it has ended.
sub ask {
    my ($link, $bytes) = @_;
    my $sender = fork // die "fork: $!";
    if (!$sender) { put($link, frame($bytes)); exec 'true' }
    my $reply = receive($link);
    waitpid $sender, 0;
    return $reply;
}

my $link = link_to($trim);
same(ask($link, 'Four score and seven years ago'), ' and seven years ago');
same(ask($link, "\xF0\x9F\xA6\x80" x 11), "\xF0\x9F\xA6\x80");
same(ask($link, ''), '');
print "ok example\n";

$link = link_to($echo);
same(ask($link, text($_)), text($_)) for 0, 1, $buffer - 5 .. $buffer + 5, 3 * $buffer + 7, 70_000;
print "ok lengths\n";

my @texts = (text(5), text($buffer + 5), text(4 * $buffer));
put($link, join '', map { frame($_) } @texts);
same(receive($link), $_) for @texts;
print "ok three_before_the_first_reply_is_read\n";

put($link, join '', map { frame("message $_") } 1 .. 100);
same(receive($link), "message $_") for 1 .. 100;
print "ok a_hundred_in_one_write\n";

put($link, $_) for split //, frame(text($buffer + 20));
same(receive($link), text($buffer + 20));
print "ok one_byte_at_a_time\n";

put($link, join '', map { frame($_) } @texts);
shutdown $link, 1;
same(receive($link), $_) for @texts;
sysread($link, my $more, 1) and die 'more than was asked for';
print "ok half_close\n";
