/* The floor: one thread, epoll, and nothing but ready-made bytes to open sockets.
 *
 *   epoll_send --text '{"type":"state",…}'        prints {"event":"listening","port":…}
 *
 * Promises: answers the WebSocket upgrade, greets after the first frame of a client, then at `go ROUNDS BATCH` sends one
 * frame to every screen, ROUNDS times, one send() each, looking at epoll after every BATCH as a server does.
 * It does what no product could leave out and nothing else: no ledger, no encoding, no slots, no token. Each screen has
 * a ready-made frame of its own, since every user's frame is another one.
 * The odd thing: it knows one handshake, that of RFC 6455's sample nonce, which receivers.c sends.
 */
#include "common.h"

#define ANSWER                                                                                                        \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                 \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: livecredits.v1\r\n\r\n"

typedef struct {
    int fd, is_upgraded, is_greeted;
    unsigned char *frame;
} Screen;

static Screen listener, commands, *screens[65536];
static int count_open, epoll;
static unsigned char frame[4096];
static size_t frame_size;

static void make_frame(const char *text) {
    size_t size = strlen(text), head = 0;
    frame[head++] = 0x81;
    if (size < 126) {
        frame[head++] = size;
    } else {
        frame[head++] = 126;
        frame[head++] = size >> 8;
        frame[head++] = size;
    }
    memcpy(frame + head, text, size);
    frame_size = head + size;
}

static void accept_all(void) {
    int fd;
    while ((fd = accept4(listener.fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        Screen *screen = calloc(1, sizeof *screen);
        screen->fd = fd;
        screen->frame = malloc(frame_size);
        memcpy(screen->frame, frame, frame_size);
        no_delay(fd);
        screens[count_open++] = screen;
        watch(epoll, fd, EPOLLIN, screen, EPOLL_CTL_ADD);
    }
}

static void read_screen(Screen *screen) {
    static const char hello[] = "\x81\x10{\"type\":\"hello\"}";
    char buffer[4096];
    ssize_t got = recv(screen->fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
            close(screen->fd);
            for (int i = 0; i < count_open; i++)
                if (screens[i] == screen) screens[i] = screens[--count_open];
            free(screen->frame);
            free(screen);
        }
    } else if (!screen->is_upgraded) {
        screen->is_upgraded = 1;
        send_all(screen->fd, ANSWER, sizeof ANSWER - 1);
    } else if (!screen->is_greeted) {
        screen->is_greeted = 1;
        send_all(screen->fd, hello, sizeof hello - 1);
    }
}

static void serve_events(int timeout_ms);

static void push(int rounds, int batch) {
    int64_t began_ns = now_ns(), sent = 0;
    double began_cpu = cpu_s();
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < count_open; i++) {
            send_all(screens[i]->fd, screens[i]->frame, frame_size);
            if (++sent % batch == 0) serve_events(0);
        }
    printf("{\"event\":\"pushed\",\"handed\":%ld,\"began_ns\":%ld,\"cpu_s\":%.6f}\n", sent, began_ns,
           cpu_s() - began_cpu);
    fflush(stdout);
}

static void obey(void) {
    char line[200];
    int rounds, batch;
    if (!read_command(line, sizeof line) || strcmp(line, "quit") == 0) exit(0);
    if (sscanf(line, "go %d %d", &rounds, &batch) == 2) push(rounds, batch);
}

static void serve_events(int timeout_ms) {
    struct epoll_event events[EVENTS];
    int found = epoll_wait(epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < found; i++) {
        Screen *screen = events[i].data.ptr;
        if (screen == &listener) accept_all();
        else if (screen == &commands) obey();
        else read_screen(screen);
    }
}

int main(int count, char **words) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    socklen_t size = sizeof at;
    lift_file_limit(40000);
    make_frame(option(count, words, "--text", "{\"type\":\"state\"}"));
    listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener.fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener.fd, 4096) != 0) fail("listen");
    getsockname(listener.fd, (struct sockaddr *)&at, &size);
    epoll = epoll_create1(0);
    watch(epoll, listener.fd, EPOLLIN, &listener, EPOLL_CTL_ADD);
    watch(epoll, STDIN_FILENO, EPOLLIN, &commands, EPOLL_CTL_ADD);
    printf("{\"event\":\"listening\",\"port\":%d}\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) serve_events(-1);
}
