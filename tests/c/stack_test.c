/*
 * How much of the calling thread's stack each kind of call takes, measured and printed; then the same calls on a thread
 * with 128 KB. In C without POSIX but for the thread. The arguments are CACHE REFRESH_TOKEN CLIENT_ID CLIENT_SECRET, for a
 * token that is made, and LOG, a file; the environment names the stand-in server of tests/packages/targets.rs.
 *
 * The measure: a function fills the stack below its caller with a pattern and returns, the call follows, and what it has
 * changed is looked for from the far end.
 */
#include "check.h"

#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <pthread.h>
#endif

enum { PAINTED = 512 * 1024, SMALL = 128 * 1024, PAINT = 0xa5, JOBS = 20 };

#ifdef __GNUC__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __declspec(noinline)
#endif

static uintptr_t far_end;

static NOINLINE void paint(void)
{
    volatile unsigned char area[PAINTED];
    size_t i;

    for (i = 0; i < PAINTED; i++)
        area[i] = PAINT;
    far_end = (uintptr_t)area;
}

/* In KB, rounded up. */
static NOINLINE int painted_over(void)
{
    const volatile unsigned char *place = (const volatile unsigned char *)far_end;
    int untouched = 0;

    while (untouched < PAINTED && place[untouched] == PAINT)
        untouched++;
    CHECK_MSG(untouched > 0, "a call takes more than %d KB", PAINTED / 1024);
    return (PAINTED - untouched + 1023) / 1024;
}

/* On the small thread nothing is measured: there is no room to paint. */
struct calls {
    int is_measured;
    char **arguments;
};

#define MEASURE(what, call) MEASURE_RETURNS(what, call, ZMD_OK)

#define MEASURE_RETURNS(what, call, expected)             \
    do {                                                  \
        if (calls->is_measured)                           \
            paint();                                      \
        CHECK_RETURNS(call, expected);                    \
        if (calls->is_measured)                           \
            printf("%s: %d KB\n", (what), painted_over()); \
    } while (0)

static int32_t polled(void *user_data, size_t index, int32_t error, const zmd_status *status)
{
    (void)user_data, (void)index, (void)error, (void)status;
    return 0;
}

static void logged(void *user_data, int32_t level, const char *message)
{
    (void)user_data, (void)level, (void)message;
}

enum { WITH_TOKEN, RENEWING, WITH_SYSTEM_ROOTS, WITH_LOG };

static zmd_client *client_of(const struct calls *calls, int kind)
{
    static const char *const keys[] = {"token_cache", "refresh_token", "client_id", "client_secret"};
    const char *ca_file = getenv("ZMD_CA_FILE");
    zmd_config *config = NULL;
    zmd_client *client = NULL;
    int i;

    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_set(config, "api_domain", getenv("ZMD_API_DOMAIN")));
    CHECK_OK(zmd_config_set(config, "accounts_url", getenv("ZMD_API_DOMAIN")));
    if (ca_file != NULL && kind != WITH_SYSTEM_ROOTS)
        CHECK_OK(zmd_config_set(config, "ca_file", ca_file));
    if (kind != RENEWING)
        CHECK_OK(zmd_config_set(config, "access_token", getenv("ZMD_ACCESS_TOKEN")));
    for (i = 0; kind == RENEWING && i < 4; i++)
        CHECK_OK(zmd_config_set(config, keys[i], calls->arguments[i]));
    if (kind == WITH_LOG) {
        CHECK_OK(zmd_config_set(config, "log_level", "trace"));
        CHECK_OK(zmd_config_set(config, "log_file", calls->arguments[4]));
    }
    CHECK_OK(zmd_client_new(config, &client));
    zmd_config_free(config);
    return client;
}

static void all(const struct calls *calls)
{
    zmd_client *client = NULL;
    zmd_status status, statuses[JOBS];
    zmd_error errors[JOBS];
    zmd_job jobs[JOBS];
    zmd_waits *waits = NULL;
    zmd_event event;
    uint64_t id;
    int32_t state;
    int i;

    for (i = 0; i < JOBS; i++) {
        jobs[i].module = "Leads";
        jobs[i].job_id = "1001";
    }
    MEASURE("a client of the environment and the configuration file", zmd_client_new(NULL, &client));
    MEASURE("the first status", zmd_client_status(client, "Leads", "1001", &status));
    MEASURE("a further status", zmd_client_status(client, "Leads", "1001", &status));
    MEASURE("a wait", zmd_client_wait(client, "Leads", "1001", 60000, polled, NULL, &status));
    MEASURE("status_many", zmd_client_status_many(client, jobs, JOBS, statuses, errors));
    MEASURE("wait_many", zmd_client_wait_many(client, jobs, JOBS, 60000, polled, NULL, statuses, errors));
    MEASURE("zmd_waits_new", zmd_waits_new(client, &waits));
    MEASURE("zmd_waits_add", zmd_waits_add(waits, "Leads", "1001", 60000, &id));
    MEASURE("zmd_waits_next", zmd_waits_next(waits, 60000, &event));
    zmd_waits_free(waits);
    zmd_client_free(client);

    client = client_of(calls, RENEWING);
    MEASURE("a status that gets a token", zmd_client_status(client, "Leads", "1001", &status));
    zmd_client_free(client);
    MEASURE("zmd_simple_wait", zmd_simple_wait("Leads", "1001", 60000, &state, NULL, NULL, NULL));

    /* The system does not know the stand-in's certificate authority. */
    client = client_of(calls, WITH_SYSTEM_ROOTS);
    MEASURE_RETURNS("the first status, with the system's roots", zmd_client_status(client, "Leads", "1001", &status),
                    getenv("ZMD_CA_FILE") == NULL ? ZMD_OK : ZMD_ERR_TLS);
    zmd_client_free(client);

    client = client_of(calls, WITH_TOKEN);
    CHECK_OK(zmd_set_logger(logged, NULL, 5));
    MEASURE("the first status, with a logger of level 5", zmd_client_status(client, "Leads", "1001", &status));
    CHECK_OK(zmd_set_logger(NULL, NULL, 0));
    zmd_client_free(client);

    client = client_of(calls, WITH_LOG);
    MEASURE("the first status, with a log of level trace", zmd_client_status(client, "Leads", "1001", &status));
    MEASURE("a wait, with a log of level trace",
            zmd_client_wait(client, "Leads", "1001", 60000, polled, NULL, &status));
    zmd_client_free(client);

    /* Else the small thread would find the token that this one got. */
    CHECK(remove(calls->arguments[0]) == 0);
}

#ifdef _WIN32
static DWORD WINAPI on_thread(LPVOID calls)
{
    all((const struct calls *)calls);
    return 0;
}

static void on_small_thread(struct calls *calls)
{
    HANDLE thread = CreateThread(NULL, SMALL, on_thread, calls, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);

    CHECK(thread != NULL && WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0);
    CloseHandle(thread);
}
#else
static void *on_thread(void *calls)
{
    all((const struct calls *)calls);
    return NULL;
}

static void on_small_thread(struct calls *calls)
{
    pthread_attr_t attributes;
    pthread_t thread;

    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, SMALL) == 0);
    CHECK(pthread_create(&thread, &attributes, on_thread, calls) == 0 && pthread_join(thread, NULL) == 0);
    pthread_attr_destroy(&attributes);
}
#endif

int main(int argc, char **argv)
{
    struct calls calls = {1, argv + 1};

    check_environment();
    CHECK(argc == 6);
    all(&calls);
    calls.is_measured = 0;
    on_small_thread(&calls);
    return passed("stack_test");
}
