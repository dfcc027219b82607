/*
 * Uses a client with a refresh token, prints "ready", frees it after the next line of input, and prints "ready" again. The
 * test takes a core dump each time. The program itself leaves no secrets in memory.
 *
 * Standard input: the refresh token, the client id and the client secret, a line each; then a line to free the client.
 */
#include "check.h"

#include <string.h>
#include <unistd.h>

/* Reads byte by byte from the descriptor: stdio would keep a copy. */
static void read_line(char *line, size_t size)
{
    size_t length = 0;

    while (length + 1 < size && read(STDIN_FILENO, &line[length], 1) == 1 && line[length] != '\n')
        length++;
    line[length] = '\0';
}

static void wipe(char *text, size_t size)
{
    volatile char *at = text;

    while (size-- > 0)
        *at++ = '\0';
}

static void say_ready(void)
{
    CHECK(write(STDOUT_FILENO, "ready\n", 6) == 6);
}

int main(void)
{
    static const char *const keys[] = {"refresh_token", "client_id", "client_secret"};
    static char line[512];
    zmd_config *config = NULL;
    zmd_client *client = NULL;
    zmd_status status;

    CHECK_OK(zmd_config_new(&config));
    CHECK_OK(zmd_config_load_env(config));
    for (int i = 0; i < 3; i++) {
        read_line(line, sizeof line);
        CHECK_OK(zmd_config_set(config, keys[i], line));
        wipe(line, sizeof line);
    }
    CHECK_OK(zmd_client_new(config, &client));
    zmd_config_free(config);
    for (int i = 0; i < 3; i++)
        CHECK_OK(zmd_client_status(client, "Leads", "1001", &status));
    /* a failed call creates a message */
    CHECK(zmd_client_status(client, "Leads", "error-NO_PERMISSION", &status) == ZMD_ERR_FORBIDDEN);
    say_ready();
    read_line(line, sizeof line);
    zmd_client_free(client);
    say_ready();
    read_line(line, sizeof line);
    return 0;
}
