/*
 * Runs a program and prints, after what it printed itself, the nanoseconds that it lived, those of the processor that it
 * took, and the most memory that it had, in KB.
 *
 * The kernel counts the memory of a program from before its start on, when it was still a copy of its parent: this one
 * is smaller than all that it starts.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv)
{
    struct rusage usage;
    long long start = now_ns(), wall, cpu;
    pid_t child;
    int status;

    if (argc < 2 || posix_spawn(&child, argv[1], NULL, NULL, argv + 1, environ) != 0)
        return fprintf(stderr, "usage: launch PROGRAM [ARGUMENT...]\n"), 2;
    if (wait4(child, &status, 0, &usage) != child)
        return 2;
    wall = now_ns() - start;
    cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000LL +
          (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL;
    printf("%lld %lld %ld\n", wall, cpu, usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
