# Perl's AnyEvent::Handle: packstring => "N" and lines.
#
#     perl anyevent_peer.pl packstring|line client HOST PORT [rbuf_max=N]
#     perl anyevent_peer.pl packstring|line server HOST [rbuf_max=N]
#
# How it is told what to send, and tells what it got: see README.md. Options are those of AnyEvent::Handle that are a number.
use strict;
use warnings;
use AnyEvent;
use AnyEvent::Handle;
use AnyEvent::Socket;

$| = 1;
my ($framing, $role, $host, @rest) = @ARGV;
my $port = $role eq 'client' ? shift @rest : 0;
my @options = map { split /=/ } @rest;
my $done = AE::cv;
my %open;

sub say { print @_, "\n" }

# A connection; `$received` is called with it and each message that is not only reported.
sub talk {
    my ($fh, $received, $ended) = @_;
    my $read = sub {
        my ($handle, $message) = @_;
        say 'got ', length $message ? unpack 'H*', $message : '-';
        $received->($handle, $message);
    };
    my $handle = AnyEvent::Handle->new(
        fh       => $fh,
        no_delay => 1,
        @options,
        on_read  => sub { shift->push_read($framing eq 'line' ? ('line') : (packstring => 'N'), $read) },
        on_eof   => sub { say 'end'; $ended->(shift) },
        on_error => sub { say "failed $_[2]"; $ended->(shift) },
    );
    return $open{$handle} = $handle;
}

sub put {
    my ($handle, $message) = @_;
    $framing eq 'line' ? $handle->push_write("$message\n") : $handle->push_write(packstring => 'N', $message);
}

# What it has not written yet it still writes, in the background.
sub let_go { my $handle = shift; $handle->destroy; delete $open{$handle} }

my $input;
if ($role eq 'client') {
    tcp_connect $host, $port, sub {
        my $fh = shift or do { say "failed $!"; return $done->send };
        my $handle = talk($fh, sub { }, sub { $done->send });
        $input = AnyEvent::Handle->new(
            fh      => \*STDIN,
            on_read => sub {
                shift->push_read(line => sub { put($handle, $_ eq '-' ? '' : pack 'H*', $_) for split ' ', $_[1] });
            },
            on_eof   => sub { $handle->push_shutdown },
            on_error => sub { $handle->push_shutdown },
        );
    };
} else {
    # It is asked how many may wait before it listens, and told a moment later.
    my $prepare = sub { my $port = $_[2]; AE::postpone { say "listening $port" }; 16 };
    tcp_server $host, undef, sub { talk(shift, \&put, \&let_go) }, $prepare;
    $input = AE::io \*STDIN, 0, sub { sysread STDIN, my $all, 4096 or $done->send };
}
$done->recv;
