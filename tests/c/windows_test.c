/*
 * What Windows has of its own: paths with any characters, %APPDATA%, files that another program has open, event objects, and
 * no console window. It is run in an empty directory, and linked for the subsystem without a console; the environment names
 * the stand-in server of tests/packages/targets.rs, with TLS, whose refresh token these are.
 */
#include "check.h"

#include <stdint.h>
#include <wchar.h>
#include <windows.h>

#define REFRESH_TOKEN "1000.refresh"
#define CLIENT_ID "1000.ID"
#define CLIENT_SECRET "secret"

/* A city, a bridge, and a character of two UTF-16 units. */
static const wchar_t *const NAME = L"Z\u00fcrich \u6a4b \U0001f4c1";

enum { PATH_SIZE = 1024 };

static wchar_t directory[PATH_SIZE];

/* A file of the directory. */
static const wchar_t *in_directory(const wchar_t *name, wchar_t path[PATH_SIZE])
{
    swprintf(path, PATH_SIZE, L"%ls\\%ls", directory, name);
    return path;
}

/* The same in UTF-8, for the library. */
static const char *utf8(const wchar_t *name, char path[PATH_SIZE])
{
    wchar_t wide[PATH_SIZE];

    CHECK(WideCharToMultiByte(CP_UTF8, 0, in_directory(name, wide), -1, path, PATH_SIZE, NULL, NULL) > 0);
    return path;
}

static void write_file(const wchar_t *name, const char *content)
{
    wchar_t path[PATH_SIZE];
    FILE *file = _wfopen(in_directory(name, path), L"wb");

    CHECK(file != NULL && fputs(content, file) >= 0 && fclose(file) == 0);
}

static long size_of(const wchar_t *name)
{
    wchar_t path[PATH_SIZE];
    WIN32_FILE_ATTRIBUTE_DATA found;

    return GetFileAttributesExW(in_directory(name, path), GetFileExInfoStandard, &found) ? (long)found.nFileSizeLow : -1;
}

static void set(const wchar_t *variable, const wchar_t *value)
{
    CHECK(SetEnvironmentVariableW(variable, value));
}

static void answers(zmd_config *config)
{
    zmd_client *client = NULL;
    zmd_status status;

    CHECK_OK(zmd_client_new(config, &client));
    zmd_config_free(config);
    CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    CHECK(status.state == ZMD_STATE_COMPLETED);
    zmd_client_free(client);
}

static void a_path_is_utf8(const char *api_domain, const char *token)
{
    char path[PATH_SIZE];
    wchar_t wide[PATH_SIZE];
    zmd_config *config = NULL;
    zmd_client *client = NULL;

    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_set(config, "api_domain", api_domain));
    CHECK_OK(zmd_config_set(config, "access_token", token));
    CHECK_OK(zmd_config_set(config, "ca_file", utf8(L"none.pem", path)));
    CHECK_RETURNS(zmd_client_new(config, &client), ZMD_ERR_INVALID_CONFIG);
    CHECK_MSG(strstr(zmd_last_error(), path) != NULL, "%s", zmd_last_error());
    CHECK_OK(zmd_config_set(config, "ca_file", utf8(L"ca.pem", path)));
    answers(config);

    /* The environment's strings are UTF-16. */
    set(L"ZMD_CA_FILE", in_directory(L"ca.pem", wide));
    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_load_env(config));
    answers(config);
    set(L"ZMD_CA_FILE", NULL);
}

static void appdata_has_the_configuration_file(const char *api_domain, const char *token)
{
    char content[4 * PATH_SIZE], path[PATH_SIZE];
    wchar_t wide[PATH_SIZE];
    zmd_config *config = NULL;

    CHECK(CreateDirectoryW(in_directory(L"zmd", wide), NULL));
    snprintf(content, sizeof content, "[default]\napi_domain = '%s'\naccess_token = '%s'\nca_file = '%s'\n", api_domain,
             token, utf8(L"ca.pem", path));
    write_file(L"zmd\\config.toml", content);
    set(L"ZMD_API_DOMAIN", NULL);
    set(L"ZMD_ACCESS_TOKEN", NULL);
    set(L"APPDATA", directory);
    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_load_file(config, NULL, NULL));
    answers(config);

    set(L"APPDATA", L"C:\\nowhere");
    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_load_file(config, utf8(L"zmd\\config.toml", path), NULL));
    answers(config);
    set(L"ZMD_CONFIG_FILE", in_directory(L"zmd\\config.toml", wide));
    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_load_file(config, NULL, NULL));
    answers(config);
    set(L"ZMD_CONFIG_FILE", NULL);
}

/* A client that has to get a token. */
static void gets_a_token(const char *api_domain)
{
    char path[PATH_SIZE];
    zmd_config *config = NULL;

    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_set(config, "api_domain", api_domain));
    CHECK_OK(zmd_config_set(config, "accounts_url", api_domain));
    CHECK_OK(zmd_config_set(config, "refresh_token", REFRESH_TOKEN));
    CHECK_OK(zmd_config_set(config, "client_id", CLIENT_ID));
    CHECK_OK(zmd_config_set(config, "client_secret", CLIENT_SECRET));
    CHECK_OK(zmd_config_set(config, "ca_file", utf8(L"ca.pem", path)));
    CHECK_OK(zmd_config_set(config, "token_cache", utf8(L"tokens", path)));
    answers(config);
}

/* Whether there is a new file, which is to take the place of the cache. */
static int is_being_written(void)
{
    wchar_t path[PATH_SIZE];
    WIN32_FIND_DATAW found;
    HANDLE search = FindFirstFileW(in_directory(L"tokens.zmd-new-*", path), &found);

    if (search == INVALID_HANDLE_VALUE)
        return 0;
    FindClose(search);
    return 1;
}

/* When the new file is there. */
static DWORD WINAPI close_late(LPVOID file)
{
    int i;

    for (i = 0; i < 10000 && !is_being_written(); i++)
        Sleep(1);
    Sleep(30);
    CloseHandle(file);
    return 0;
}

/* As a virus scanner does, which shares no deletion. */
static HANDLE open_cache(void)
{
    wchar_t path[PATH_SIZE];
    HANDLE file = CreateFileW(in_directory(L"tokens", path), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                              OPEN_EXISTING, 0, NULL);

    CHECK(file != INVALID_HANDLE_VALUE);
    return file;
}

static void the_token_cache(const char *api_domain)
{
    HANDLE file, thread;

    gets_a_token(api_domain);
    CHECK(size_of(L"tokens") > 0 && !is_being_written());

    /* Somebody has it open for ever: the token is not kept, and the call is as good. */
    write_file(L"tokens", "");
    file = open_cache();
    gets_a_token(api_domain);
    CHECK(size_of(L"tokens") == 0 && !is_being_written());
    CloseHandle(file);

    /* For a moment: then it is. */
    file = open_cache();
    thread = CreateThread(NULL, 0, close_late, file, 0, NULL);
    CHECK(thread != NULL);
    gets_a_token(api_domain);
    CHECK(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0);
    CloseHandle(thread);
    CHECK(size_of(L"tokens") > 0 && !is_being_written());
}

/* For WaitForMultipleObjects() and its like: signaled while there is an event, or will be none. */
static void a_queue_has_an_event_object(void)
{
    enum { LONG_MS = 60000 };
    char path[PATH_SIZE];
    zmd_config *config = NULL;
    zmd_client *client = NULL;
    zmd_waits *waits = NULL;
    zmd_event event;
    HANDLE handle;

    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_load_file(config, utf8(L"zmd\\config.toml", path), NULL));
    CHECK_OK(zmd_client_new(config, &client));
    zmd_config_free(config);
    CHECK_OK(zmd_waits_new(client, &waits));
    zmd_client_free(client);

    handle = (HANDLE)zmd_waits_handle(waits);
    CHECK(handle != INVALID_HANDLE_VALUE && handle == (HANDLE)zmd_waits_handle(waits));
    CHECK(WaitForSingleObject(handle, 0) == WAIT_TIMEOUT);
    CHECK_OK(zmd_waits_add_status(waits, "Leads", "1001", -1, NULL));
    CHECK_OK(zmd_waits_add_status(waits, "Leads", "1001", -1, NULL));
    CHECK(WaitForSingleObject(handle, LONG_MS) == WAIT_OBJECT_0);
    CHECK_OK(zmd_waits_next(waits, LONG_MS, &event));
    CHECK_OK(zmd_waits_next(waits, LONG_MS, &event));
    CHECK(event.has_ended == 1 && event.status.state == ZMD_STATE_COMPLETED);
    CHECK(WaitForSingleObject(handle, 0) == WAIT_TIMEOUT);
    CHECK_RETURNS(zmd_waits_next(waits, 0, &event), ZMD_ERR_TIMEOUT);

    CHECK_OK(zmd_waits_cancel(waits));
    CHECK(WaitForSingleObject(handle, LONG_MS) == WAIT_OBJECT_0);
    CHECK_RETURNS(zmd_waits_next(waits, LONG_MS, &event), ZMD_ERR_CANCELLED);
    CHECK(WaitForSingleObject(handle, 0) == WAIT_OBJECT_0);
    zmd_waits_free(waits);
    CHECK(zmd_waits_handle(NULL) == -1);
}

int main(void)
{
    wchar_t here[PATH_SIZE], ca_file[PATH_SIZE], path[PATH_SIZE];
    const char *api_domain = getenv("ZMD_API_DOMAIN"), *token = getenv("ZMD_ACCESS_TOKEN");

    check_environment();
    CHECK(GetCurrentDirectoryW(PATH_SIZE, here) > 0);
    swprintf(directory, PATH_SIZE, L"%ls\\%ls", here, NAME);
    CHECK(CreateDirectoryW(directory, NULL));
    CHECK(GetEnvironmentVariableW(L"ZMD_CA_FILE", ca_file, PATH_SIZE) > 0);
    CHECK(CopyFileW(ca_file, in_directory(L"ca.pem", path), TRUE));
    set(L"ZMD_CA_FILE", NULL);
    a_path_is_utf8(api_domain, token);
    appdata_has_the_configuration_file(api_domain, token);
    the_token_cache(api_domain);
    a_queue_has_an_event_object();
    CHECK_MSG(GetConsoleWindow() == NULL, "a program without a console has got one");
    return passed("windows_test");
}
