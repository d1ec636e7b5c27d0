/*
 * The floor of the milter protocol: one thread around epoll that reads packets and gives only the answers an MTA waits for.
 *
 * No libmilter. By default it masks every step that may be masked, so that a message costs its end alone: nothing that
 * speaks this protocol can be faster. With "headers" it asks for what leadmilter asks for, envelope and header fields
 * without answers, and reads them without a look: the floor for any filter that has to see them. With "recipients" it asks
 * for the recipients alone, without an answer and without macros, and accepts every letter at DATA: the floor for any filter
 * that lets a letter go by whom it is for. Packets are taken whole from a buffer of 128 KiB, which no MTA exceeds. Serves
 * unix:PATH or inet:PORT@HOST.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HELD = 128 * 1024, BACKLOG = 1024, EVENTS = 256 };

struct session {
    int socket;
    uint32_t options; /* in force */
    size_t filled;
    unsigned char held[HELD];
};

static const uint32_t NOTHING = SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOHDRS |
                                SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN;
static const uint32_t HEADERS = SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_NR_MAIL |
                                SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_EOH;
static const uint32_t RECIPIENTS = SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOBODY |
                                   SMFIP_NOUNKNOWN | SMFIP_NR_RCPT;
static uint32_t wanted = NOTHING;
/* The answer to every command that wants one. */
static unsigned char verdict = SMFIR_CONTINUE;

static uint32_t number_at(const unsigned char *from)
{
    uint32_t number;

    memcpy(&number, from, sizeof number);
    return ntohl(number);
}

static void put_number(unsigned char *to, uint32_t number)
{
    number = htonl(number);
    memcpy(to, &number, sizeof number);
}

/* An answer is a few octets on a socket that the peer reads before it writes again: it never has to wait. */
static int answer(int socket, const unsigned char *packet, size_t length)
{
    return send(socket, packet, length, MSG_NOSIGNAL) == (ssize_t)length ? 0 : -1;
}

/* Who accepts at DATA needs no macro: where the MTA lets itself be told so, each step's list is asked to be empty. */
static int negotiate(struct session *session, const unsigned char *offer)
{
    enum { STAGES = SMFIM_EOH + 1, STAGE = 5, HEAD = 17 };
    unsigned char packet[HEAD + STAGES * STAGE] = {0, 0, 0, 13, SMFIC_OPTNEG};
    const uint32_t actions = verdict == SMFIR_ACCEPT ? number_at(offer + 4) & SMFIF_SETSYMLIST : 0;
    size_t length = HEAD;

    session->options = wanted & number_at(offer + 8);
    put_number(packet + 5, number_at(offer));
    put_number(packet + 9, actions);
    put_number(packet + 13, session->options);
    for (uint32_t stage = SMFIM_CONNECT; actions != 0 && stage < STAGES; stage++, length += STAGE)
        put_number(packet + length, stage); /* and the list's end */
    put_number(packet, length - 4);
    return answer(session->socket, packet, length);
}

/* The option by which the MTA waits for no answer to a command. */
static uint32_t waiver(unsigned char command)
{
    switch (command) {
    case SMFIC_MAIL:
        return SMFIP_NR_MAIL;
    case SMFIC_RCPT:
        return SMFIP_NR_RCPT;
    case SMFIC_HEADER:
        return SMFIP_NR_HDR;
    case SMFIC_EOH:
        return SMFIP_NR_EOH;
    default:
        return 0;
    }
}

/* Gives back -1 when the session is over. */
static int handle(struct session *session, unsigned char command, const unsigned char *data, size_t length)
{
    const unsigned char given[] = {0, 0, 0, 1, verdict};

    switch (command) {
    case SMFIC_OPTNEG:
        return length >= 12 ? negotiate(session, data) : -1;
    case SMFIC_MACRO:
    case SMFIC_ABORT:
        return 0;
    case SMFIC_QUIT:
        return -1;
    default:
        return session->options & waiver(command) ? 0 : answer(session->socket, given, sizeof given);
    }
}

static int read_packets(struct session *session)
{
    ssize_t got = recv(session->socket, session->held + session->filled, HELD - session->filled, 0);
    size_t at = 0;

    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    session->filled += got;
    while (session->filled - at >= 5) {
        const size_t length = number_at(session->held + at);

        if (length == 0 || length > HELD - 4)
            return -1;
        if (session->filled - at < length + 4)
            break;
        if (handle(session, session->held[at + 4], session->held + at + 5, length - 1) != 0)
            return -1;
        at += length + 4;
    }
    session->filled -= at;
    memmove(session->held, session->held + at, session->filled);
    return 0;
}

static int listen_on(const char *address)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in host = {.sin_family = AF_INET};
    const int on = 1;
    const char *at = strchr(address, '@');
    int made;

    if (strncmp(address, "unix:", 5) == 0 && strlen(address + 5) < sizeof path.sun_path) {
        strcpy(path.sun_path, address + 5);
        made = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        return bind(made, (struct sockaddr *)&path, sizeof path) == 0 && listen(made, BACKLOG) == 0 ? made : -1;
    }
    if (strncmp(address, "inet:", 5) != 0 || at == NULL || inet_pton(AF_INET, at + 1, &host.sin_addr) != 1)
        return -1;
    host.sin_port = htons(atoi(address + 5));
    made = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* inherited by what is accepted */
    return bind(made, (struct sockaddr *)&host, sizeof host) == 0 && listen(made, BACKLOG) == 0 ? made : -1;
}

static void accept_all(int listener, int poller)
{
    int accepted;

    while ((accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct session *session = malloc(sizeof *session);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};

        if (session == NULL) {
            close(accepted);
            continue;
        }
        session->socket = accepted;
        session->options = 0;
        session->filled = 0;
        epoll_ctl(poller, EPOLL_CTL_ADD, accepted, &event);
    }
}

int main(int count, char **words)
{
    const int headers = count == 3 && strcmp(words[2], "headers") == 0;
    const int recipients = count == 3 && strcmp(words[2], "recipients") == 0;
    const int listener = count == 2 || headers || recipients ? listen_on(words[1]) : -1;
    const int poller = epoll_create1(0);
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};

    if (listener < 0) {
        fprintf(stderr, "usage: %s ADDRESS [headers|recipients], with a free unix:PATH or inet:PORT@HOST\n", words[0]);
        return 64;
    }
    wanted = headers ? HEADERS : recipients ? RECIPIENTS : NOTHING;
    verdict = recipients ? SMFIR_ACCEPT : SMFIR_CONTINUE;
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        const int ready = epoll_wait(poller, events, EVENTS, -1);

        for (int index = 0; index < ready; index++) {
            struct session *session = events[index].data.ptr;

            if (session == NULL) {
                accept_all(listener, poller);
            } else if (read_packets(session) != 0) {
                close(session->socket);
                free(session);
            }
        }
    }
}
