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

static void *cancel_soon(void *client)
{
    struct timespec pause = {0, 300 * 1000 * 1000};
    double *begin = malloc(sizeof *begin);

    CHECK(begin != NULL);
    nanosleep(&pause, NULL);
    *begin = milliseconds();
    CHECK_OK(zmd_client_cancel(client));
    return begin;
}

int main(void)
{
    struct sockaddr_in address;
    int silent = socket(AF_INET, SOCK_DGRAM, 0);
    zmd_client *client;
    pthread_t thread;
    void *begin;

    CHECK(silent >= 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(53);
    CHECK(bind(silent, (const struct sockaddr *)&address, sizeof address) == 0);

    client = new_client("timeout_ms", "400");
    double start = milliseconds();
    CHECK_RETURNS(ask(client), ZMD_ERR_TIMEOUT);
    double took = milliseconds() - start;
    CHECK_MSG(took >= 400 && took < 450, "%.0f ms", took);
    CHECK_MSG(strstr(zmd_last_error(), "timeout_ms (400 ms)") != NULL, "%s", zmd_last_error());
    CHECK(ask(client) == ZMD_ERR_TIMEOUT);
    CHECK_MSG(strstr(zmd_last_error(), "looking up the name api.zmd.test") != NULL, "%s", zmd_last_error());
    zmd_client_free(client);

    client = new_client(NULL, NULL);
    CHECK(pthread_create(&thread, NULL, cancel_soon, client) == 0);
    CHECK_RETURNS(ask(client), ZMD_ERR_CANCELLED);
    double end = milliseconds();
    CHECK(pthread_join(thread, &begin) == 0);
    CHECK_MSG(end - *(double *)begin < 100, "%.0f ms", end - *(double *)begin);
    free(begin);
    zmd_client_free(client);
    return passed("lookup_test");
}
