/*
 * A name server that never answers: a call returns on time, and at once when it is cancelled. Run it in its own network
 * namespace, in which /etc/resolv.conf names 127.0.0.1.
 */
#include "check.h"

#include <pthread.h>

static zmd_error ask(zmd_client *client)
{
    zmd_status status;

    return zmd_client_status(client, "Leads", "1001", &status);
}

static struct watch canceller; /* what it lost is what the cancel took */

static void *cancel_soon(void *client)
{
    struct timespec pause = {0, 300 * 1000 * 1000};

    nanosleep(&pause, NULL);
    canceller = start_watch();
    CHECK_OK(zmd_client_cancel(client));
    canceller.lost = lost_milliseconds() - canceller.lost;
    return NULL;
}

int main(void)
{
    struct sockaddr_in address;
    int silent = socket(AF_INET, SOCK_DGRAM, 0);
    zmd_client *client;
    pthread_t thread;
    struct watch watch, cancelled;
    double took;

    CHECK(silent >= 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(53);
    CHECK(bind(silent, (const struct sockaddr *)&address, sizeof address) == 0);

    client = new_client("timeout_ms", "400");
    watch = start_watch();
    CHECK_RETURNS(ask(client), ZMD_ERR_TIMEOUT);
    CHECK_TOOK(watch, 400, 450);
    CHECK_MSG(strstr(zmd_last_error(), "timeout_ms (400 ms)") != NULL, "%s", zmd_last_error());
    CHECK(ask(client) == ZMD_ERR_TIMEOUT);
    CHECK_MSG(strstr(zmd_last_error(), "looking up the name api.zmd.test") != NULL, "%s", zmd_last_error());
    zmd_client_free(client);

    client = new_client(NULL, NULL);
    watch = start_watch();
    CHECK(pthread_create(&thread, NULL, cancel_soon, client) == 0);
    CHECK_RETURNS(ask(client), ZMD_ERR_CANCELLED);
    cancelled = start_watch();
    CHECK(pthread_join(thread, NULL) == 0);
    /* less what either thread has lost */
    took = cancelled.begin - canceller.begin - canceller.lost - (cancelled.lost - watch.lost);
    CHECK_MSG(took < 100, "%.0f ms", took);
    zmd_client_free(client);
    return passed("lookup_test");
}
