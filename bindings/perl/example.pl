#!/usr/bin/perl
# Waits until a mass-delete job has ended, for four hours at most, and prints its progress.
#
#     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy perl -Ilib example.pl Leads 111111000000222222
#
# Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
use strict;
use warnings;

use Zmd;

sub show {
    my ($status) = @_;
    printf "%s: %s of %s deleted, %s failed\n", $status->state_text,
        map { $_ // '?' } $status->deleted_count, $status->total_count, $status->failed_count;
}

sub main {
    my ($module, $job_id) = @_;
    my $client = Zmd->from_env;
    my $last = $client->wait($module, $job_id, timeout => 4 * 3600, progress => sub {
        my ($status, $error) = @_;
        if ($error) { warn "$error\n" }    # transient: the wait continues
        else        { show($status) }
        return 1;
    });
    return $last->state == Zmd::COMPLETED && !$last->failed_count ? 0 : 1;
}

$| = 1;
if (@ARGV != 2) {
    print STDERR "usage: example.pl MODULE JOB_ID\n";
    exit 3;
}
my $exit = eval { main(@ARGV) };
if (my $error = $@) {
    my $known = ref $error && $error->isa('Zmd::Error');
    print STDERR $known ? $error->name . ': ' : '', $error, "\n";
    $exit = $known && $error->number == Zmd::ERR_TIMEOUT && $error->status->state != Zmd::UNKNOWN ? 2 : 3;
}
exit $exit;
