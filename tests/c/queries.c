/*
 * Requests the status of one job a number of times with one client, without pauses: to measure the cost of a query.
 * usage: queries COUNT [many], with the settings in the environment. With `many` it is one call for that many jobs, and
 * the memory that the process took at most, in KB, is printed too.
 */
#include "check.h"

/* Of this program alone: the figure of getrusage() begins with that of the process that has started it. */
static long peak_memory(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long peak = -1;

    CHECK(file != NULL);
    while (peak == -1 && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmHWM: %ld kB", &peak) != 1)
            peak = -1;
    fclose(file);
    return peak;
}

int main(int argc, char **argv)
{
    zmd_client *client = NULL;
    zmd_status status;
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1;

    CHECK_OK(zmd_client_new(NULL, &client));
    if (argc > 2) {
        zmd_job *jobs = calloc((size_t)count, sizeof *jobs);
        zmd_status *statuses = calloc((size_t)count, sizeof *statuses);
        zmd_error *errors = calloc((size_t)count, sizeof *errors);

        CHECK(jobs != NULL && statuses != NULL && errors != NULL);
        for (long i = 0; i < count; i++)
            jobs[i] = (zmd_job){"Leads", "1001"};
        CHECK_OK(zmd_client_status_many(client, jobs, (size_t)count, statuses, errors));
        printf("%ld\n", peak_memory());
        free(jobs);
        free(statuses);
        free(errors);
        count = 0;
    }
    for (long i = 0; i < count; i++)
        CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    zmd_client_free(client);
    return passed("queries");
}
