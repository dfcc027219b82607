/*
 * A TLS server that sends session tickets without end: its connections always have something to read.
 *
 *     tickets PORT CERTIFICATE KEY
 *
 * It reads nothing of a request, serves one connection at a time, and runs until it is killed.
 */
#define _XOPEN_SOURCE 700

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void check(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "tickets: %s\n", what);
    exit(1);
}

/* Large ones: the server then makes them faster than a client reads them. */
static int make_large(SSL *tls, void *unused)
{
    static const unsigned char data[60000];

    (void)unused;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(tls), data, sizeof data);
}

static void send_tickets(SSL_CTX *context, int connection)
{
    SSL *tls = SSL_new(context);

    check(tls != NULL && SSL_set_fd(tls, connection) == 1, "SSL_new");
    if (SSL_accept(tls) == 1) {
        while (SSL_new_session_ticket(tls) == 1 && SSL_do_handshake(tls) == 1)
            ;
    }
    SSL_free(tls);
    close(connection);
}

int main(int argc, char **argv)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    struct sockaddr_in address = {0};

    check(argc == 4 && context != NULL, "usage: tickets PORT CERTIFICATE KEY");
    check(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1, "TLS 1.3");
    check(SSL_CTX_use_certificate_chain_file(context, argv[2]) == 1, argv[2]);
    check(SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) == 1, argv[3]);
    check(SSL_CTX_set_session_ticket_cb(context, make_large, NULL, NULL) == 1, "tickets");
    check(signal(SIGPIPE, SIG_IGN) != SIG_ERR, "signal");
    check(listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0, "socket");
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 8) == 0, "listen");
    for (;;)
        send_tickets(context, accept(listener, NULL, NULL));
}
