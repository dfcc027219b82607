/*
 * When the environment is read: with an explicit configuration by zmd_client_new() alone, and by no later call, so that other
 * threads may change it then.
 *
 *     environment_test
 *
 * The environment names the stand-in server, as for basics.c.
 */
#include "check.h"

#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { JOBS = 3 };

static int reads;
static const char *const *expected; /* the variables that may be read; NULL: any */
static char unexpected[64];

/* The library's getenv(), as the dynamic linker looks in the program first. */
char *getenv(const char *name)
{
    const size_t length = strlen(name);

    reads++;
    if (expected != NULL) {
        const char *const *one = expected;
        while (*one != NULL && strcmp(*one, name) != 0)
            one++;
        if (*one == NULL)
            snprintf(unexpected, sizeof unexpected, "%s", name);
    }
    for (char **variable = environ; *variable != NULL; variable++)
        if (strncmp(*variable, name, length) == 0 && (*variable)[length] == '=')
            return *variable + length + 1;
    return NULL;
}

static int32_t go_on(void *user_data, size_t index, int32_t error, const zmd_status *status)
{
    (void)user_data, (void)index, (void)error, (void)status;
    return 0;
}

static void discard(void *user_data, int32_t level, const char *message)
{
    (void)user_data, (void)level, (void)message;
}

static void each_kind_of_call(zmd_client *client)
{
    const zmd_job jobs[JOBS] = {{"Leads", "1001"}, {"Leads", "1001"}, {"Leads", "1001"}};
    zmd_status statuses[JOBS];
    zmd_error errors[JOBS];
    zmd_client *clone = NULL;
    zmd_waits *waits = NULL;
    zmd_event event;

    CHECK_OK(zmd_set_logger(discard, NULL, 5));
    CHECK_OK(zmd_client_status(client, "Leads", "1001", statuses));
    CHECK_OK(zmd_client_status_many(client, jobs, JOBS, statuses, errors));
    CHECK_OK(zmd_client_wait_many(client, jobs, JOBS, -1, go_on, NULL, statuses, errors));
    CHECK_OK(zmd_client_clone(client, &clone));
    CHECK_OK(zmd_client_wait(clone, "Leads", "1001", -1, go_on, NULL, statuses));
    CHECK_RETURNS(zmd_client_status(clone, "Leads", "no id", statuses), ZMD_ERR_INVALID_ARGUMENT);
    CHECK_OK(zmd_waits_new(clone, &waits));
    CHECK_OK(zmd_waits_add(waits, "Leads", "1001", -1, NULL));
    do {
        CHECK_OK(zmd_waits_next(waits, -1, &event));
    } while (event.has_ended == 0);
    zmd_waits_free(waits);
    CHECK_OK(zmd_client_cancel(clone));
    zmd_client_free(clone);
    CHECK_OK(zmd_set_logger(NULL, NULL, 0));
}

/* A client with explicit settings, for which none but these variables are read. */
static zmd_client *client_of(const char *ca_file, const char *const *variables)
{
    const char *const settings[][2] = {{"api_domain", getenv("ZMD_API_DOMAIN")},
                                       {"access_token", getenv("ZMD_ACCESS_TOKEN")},
                                       {"ca_file", ca_file}};
    zmd_config *config = NULL;
    zmd_client *client = NULL;

    reads = 0;
    CHECK_OK(zmd_config_new(&config));
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (settings[i][1] != NULL)
            CHECK_OK(zmd_config_set(config, settings[i][0], settings[i][1]));
    CHECK_MSG(reads == 0, "%d", reads);
    expected = variables;
    CHECK_OK(zmd_client_new(config, &client));
    expected = NULL;
    CHECK_MSG(unexpected[0] == '\0', "%s", unexpected);
    zmd_config_free(config);
    return client;
}

int main(void)
{
    /* What doc/settings.md says. */
    static const char *const documented[] = {
        "HTTPS_PROXY", "https_proxy", "ALL_PROXY",     "all_proxy",    "NO_PROXY", "no_proxy",
        "HTTP_PROXY",  "http_proxy",  "SSL_CERT_FILE", "SSL_CERT_DIR", NULL,
    };
    const char *const ca_file = getenv("ZMD_CA_FILE");
    zmd_client *const client = client_of(ca_file, documented);
    zmd_client *const of_the_system = client_of(NULL, documented);
    zmd_status status;
    pid_t child = 0;
    int ended = -1;

    check_environment();
    reads = 0;
    each_kind_of_call(client);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        each_kind_of_call(client);
        _exit(reads);
    }
    CHECK(waitpid(child, &ended, 0) == child);
    CHECK_MSG(ended == 0, "%d", ended);
    /* The system's trust store, which does not have the authority of the stand-in. */
    CHECK_RETURNS(zmd_client_status(of_the_system, "Leads", "1001", &status), ca_file == NULL ? ZMD_OK : ZMD_ERR_TLS);
    zmd_client_free(of_the_system);
    zmd_client_free(client);
    CHECK_MSG(reads == 0, "%d", reads);

    return passed("environment_test");
}
