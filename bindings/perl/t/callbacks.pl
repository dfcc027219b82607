# A wait with a callback that returns a false value by chance (go), or Zmd::STOP, which ends it (stop): see
# tests/packages/hosts.rs.
use strict;
use warnings;

use Zmd;

my %progress = (
    go => sub {
        my ($event) = @_;
        print "$event\n";
        if ($event->error) { warn $event->error }
    },
    stop => sub { print "$_[0]\n"; return Zmd::STOP },
);
my $last = eval { Zmd->from_env->wait('Leads', '1001', progress => $progress{$ARGV[0]}) };
print $last ? join(' ', map { $_ ? 'true' : 'false' } $last->has_ended, $last->is_successful) : $@->name, "\n";
