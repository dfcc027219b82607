#!/usr/bin/perl
# Waits until a mass-delete job has ended, for four hours or so many seconds at most, and prints its progress.
#
#     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy perl -Ilib example.pl Leads 111111000000222222
#
# Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
use strict;
use warnings;

use Zmd;

sub show {
    my ($event) = @_;
    if ($event->status) { print "$event\n" }
    else                { print STDERR "$event\n" }    # the wait continues
}

$| = 1;
if (@ARGV < 2 || @ARGV > 3 || ($ARGV[2] // 0) !~ /^\d+$/) {
    print STDERR "usage: example.pl MODULE JOB_ID [SECONDS]\n";
    exit 3;
}
my ($module, $job_id, $seconds) = @ARGV;
my $last = eval { Zmd->from_env->wait($module, $job_id, timeout => $seconds // 4 * 3600, progress => \&show) };
exit($last->is_successful ? 0 : 1) if $last;
my $error = $@;
my $is_known = ref $error && $error->isa('Zmd::Error');
print STDERR $is_known ? $error->name . ': ' : '', $error, "\n";
exit($is_known && $error->isa('Zmd::Error::Timeout') && $error->status ? 2 : 3);
