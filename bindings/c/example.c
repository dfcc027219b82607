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

static void print_status(const zmd_status *status)
{
    char text[128];

    zmd_status_text(status, text, sizeof text);
    puts(text); /* COMPLETED, 9 of 9 deleted, 0 failed */
    fflush(stdout);
}

/* Called after every poll, on the thread that waits. */
static int32_t progress(void *user_data, size_t index, int32_t error, const zmd_status *status)
{
    zmd_status *last = user_data;
    (void)index; /* of the job, in a wait for many */

    if (error == ZMD_OK) {
        if (status->state != last->state || status->deleted_count != last->deleted_count)
            print_status(status);
        *last = *status;
    } else if (zmd_error_is_transient(error)) {
        fprintf(stderr, "%s\n", zmd_last_error()); /* the wait continues */
    }
    return 0; /* anything else ends the wait */
}

int main(int argc, char **argv)
{
    zmd_client *client = NULL;
    zmd_status last = {ZMD_STATE_UNKNOWN, 0, -1, -1, -1, ""}, status;
    char *end = "";
    int64_t timeout_ms = argc > 3 ? strtoll(argv[3], &end, 10) * 1000 : -1; /* negative: no limit */
    zmd_error error;

    if (argc < 3 || argc > 4 || *end != '\0') {
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
