/*
 * Renewal of access tokens and fork(): a child that is forked while threads of its parent wait for a token, or request
 * one, requests its own.
 *
 * The environment names the stand-in server: ZMD_ACCOUNTS_URL, ZMD_REFRESH_TOKEN, ZMD_CLIENT_ID, ZMD_CLIENT_SECRET.
 */
#include "check.h"

#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, FORKS = 4 };

static void *query(void *client)
{
    zmd_status status;

    CHECK_OK(zmd_client_status((zmd_client *)client, "Leads", "1001", &status));
    return NULL;
}

int main(void)
{
    zmd_client *client = NULL;

    /* the first calls of a client request the token: each round forks meanwhile */
    for (int round = 0; round < FORKS; round++) {
        pthread_t threads[THREADS];
        int result = 0;
        pid_t child;

        CHECK_OK(zmd_client_new(NULL, &client));
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, query, client) == 0);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(600);
            query(client);
            zmd_client_free(client);
            _exit(0);
        }
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(waitpid(child, &result, 0) == child);
        CHECK(WIFEXITED(result) && WEXITSTATUS(result) == 0);
        zmd_client_free(client);
    }
    return passed("renew_test");
}
