/*
 * How far is a Zoho CRM mass-delete job? Waits for its end, and shows every change.
 *
 *     cc example.c $(pkg-config --cflags --libs zmd) -o example
 *     ./example MODULE JOB_ID [SECONDS]
 *
 * The settings come from the environment (ZMD_ACCESS_TOKEN, ...) or the configuration file. The exit status is 0 if the
 * job is completed and every record is deleted, 1 if it failed or left records, 2 if it has not ended within the SECONDS,
 * 3 after an error.
 */
#include <stdio.h>
#include <stdlib.h>

#include <zmd.h>

/* A count that the service did not report is -1. */
static void print_count(const char *before, int64_t count)
{
    if (count < 0)
        printf("%s?", before);
    else
        printf("%s%lld", before, (long long)count);
}

static void print_status(const zmd_status *status)
{
    printf("%s: ", status->state_text);
    print_count("", status->deleted_count);
    print_count(" of ", status->total_count);
    print_count(" deleted, ", status->failed_count);
    puts(" failed");
    fflush(stdout);
}

/* Called after every poll, on the thread that waits. */
static int32_t progress(void *user_data, size_t index, int32_t error, const zmd_status *status)
{
    zmd_status *last = user_data;
    (void)index; /* of the job, in a wait for many */

    if (error != ZMD_OK)
        fprintf(stderr, "%s\n", zmd_last_error()); /* the wait goes on, if the error is transient */
    else if (status->state != last->state || status->deleted_count != last->deleted_count)
        print_status(status);
    if (error == ZMD_OK)
        *last = *status;
    return 0; /* anything else ends the wait */
}

int main(int argc, char **argv)
{
    zmd_client *client = NULL;
    zmd_status last = {ZMD_STATE_UNKNOWN, 0, -1, -1, -1, ""}, status;
    int64_t timeout_ms = argc > 3 ? atoll(argv[3]) * 1000 : -1; /* negative: no limit */
    zmd_error error;

    if (argc < 3) {
        fprintf(stderr, "usage: %s MODULE JOB_ID [SECONDS]\n", argv[0]);
        return 3;
    }
    error = zmd_client_new(NULL, &client);
    if (error == ZMD_OK)
        error = zmd_client_wait(client, argv[1], argv[2], timeout_ms, progress, &last, &status);
    if (error != ZMD_OK)
        fprintf(stderr, "%s: %s\n", zmd_error_name(error), zmd_last_error());
    zmd_client_free(client);

    if (error == ZMD_ERR_TIMEOUT)
        return 2;
    if (error != ZMD_OK)
        return 3;
    return zmd_status_is_successful(&status) ? 0 : 1;
}
