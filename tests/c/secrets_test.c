/*
 * Does what the lines of its standard input say, and answers each on its standard output: `ok`, or `failed NUMBER CODE` with a
 * line `message MESSAGE`. The test passes secrets in this way, and looks for them in a core dump: the program itself leaves none
 * in its memory.
 *
 *   log                    a logger at level 5, whose lines follow as `log MESSAGE`
 *   set KEY VALUE          a setting of the next client
 *   load FILE              the settings of a configuration file for the next client
 *   provider               the next client's tokens come from this program, which reads a line of descriptor 3 for each
 *   client                 makes a client
 *   token TOKEN            zmd_client_set_access_token() of the last client
 *   status JOB             of the last client
 *   wait JOB               the same
 *   with JOB STRING        zmd_simple_status_with()
 *   free                   frees all clients
 */
#include "check.h"

#include <errno.h>
#include <unistd.h>

enum { CLIENTS = 16, LINE = 8192, TOKENS = 3 };

/* Reads byte by byte: stdio would keep a copy. */
static int read_line(int from, char *line, size_t size)
{
    size_t length = 0;
    ssize_t amount;

    while (length + 1 < size) {
        amount = read(from, &line[length], 1);
        if (amount < 0 && errno == EINTR)
            continue;
        if (amount <= 0)
            return 0;
        if (line[length] == '\n')
            break;
        length++;
    }
    line[length] = '\0';
    return 1;
}

static void wipe(char *text, size_t size)
{
    volatile char *at = text;

    while (size-- > 0)
        *at++ = '\0';
}

/* Without a buffer, too. */
static void say(const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t amount = write(STDOUT_FILENO, text, left);

        CHECK(amount > 0 || errno == EINTR);
        if (amount > 0) {
            text += amount;
            left -= (size_t)amount;
        }
    }
}

static void say_line(const char *begin, const char *text)
{
    say(begin);
    say(text);
    say("\n");
}

static void on_log(void *user_data, int32_t level, const char *message)
{
    (void)user_data;
    (void)level;
    say_line("log ", message);
}

static int32_t provide(void *user_data, const char *refused, char *token, size_t size)
{
    (void)user_data;
    (void)refused;
    return read_line(TOKENS, token, size) ? 0 : 1;
}

static void answer(zmd_error error)
{
    char number[32];

    if (error == ZMD_OK) {
        say("ok\n");
        return;
    }
    snprintf(number, sizeof number, "failed %d ", (int)error);
    say(number);
    say_line(zmd_last_error_code(), " ");
    say_line("message ", zmd_last_error());
}

/* Cuts the first word off. */
static char *rest_of(char *text)
{
    char *blank = strchr(text, ' ');

    if (blank == NULL)
        return text + strlen(text);
    *blank = '\0';
    return blank + 1;
}

int main(void)
{
    static char line[LINE];
    static zmd_client *clients[CLIENTS];
    int count = 0;
    zmd_config *config = NULL;
    zmd_status status;

    CHECK_OK(zmd_config_new(&config));
    while (read_line(STDIN_FILENO, line, sizeof line)) {
        char *first = rest_of(line);
        zmd_error error = ZMD_OK;

        if (strcmp(line, "log") == 0) {
            error = zmd_set_logger(on_log, NULL, 5);
        } else if (strcmp(line, "set") == 0) {
            char *value = rest_of(first);

            error = zmd_config_set(config, first, value);
        } else if (strcmp(line, "load") == 0) {
            error = zmd_config_load_file(config, first, NULL);
        } else if (strcmp(line, "provider") == 0) {
            error = zmd_config_set_token_provider(config, provide, NULL);
        } else if (strcmp(line, "client") == 0) {
            CHECK(count < CLIENTS);
            error = zmd_client_new(config, &clients[count]);
            count += error == ZMD_OK;
            zmd_config_free(config);
            answer(error);
            CHECK_OK(zmd_config_new(&config));
            continue;
        } else if (strcmp(line, "token") == 0) {
            error = zmd_client_set_access_token(clients[count - 1], first);
        } else if (strcmp(line, "status") == 0) {
            error = zmd_client_status(clients[count - 1], "Leads", first, &status);
        } else if (strcmp(line, "wait") == 0) {
            error = zmd_client_wait(clients[count - 1], "Leads", first, 10000, NULL, NULL, &status);
        } else if (strcmp(line, "with") == 0) {
            char *string = rest_of(first);

            error = zmd_simple_status_with(string, "Leads", first, NULL, NULL, NULL, NULL);
        } else if (strcmp(line, "free") == 0) {
            while (count > 0)
                zmd_client_free(clients[--count]);
            zmd_config_free(config);
            CHECK_OK(zmd_config_new(&config));
        } else {
            CHECK_MSG(0, "%s", "an unknown line");
        }
        wipe(line, sizeof line);
        answer(error);
    }
    return 0;
}
