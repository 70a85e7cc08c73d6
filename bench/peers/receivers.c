/* N WebSocket screens in one thread: they sign in, read what comes, count it, and time it.
 *
 *   receivers --port 8300 --path /api/v1/credits/live --count 5000 --tokens FILE [--sources 16] [--window 64]
 *
 * Promises: counts every text frame that begins with {"type":"state" and every byte; answers pings; where a state's
 * label is t<CLOCK_MONOTONIC ns>, keeps how long ago that was; prints {"event":"ready"…} once each screen has had its
 * first text frame (the hello).
 * Commands: `reset` · `report` · `wait N QUIET_MS` (report once N states are in, or nothing came for so long) · `quit`.
 * Must not know: which server it talks to. Not a WebSocket client for anybody else: it sends RFC 6455's sample nonce
 * and a masking key of zero (which is a legal key), and does not check the server's accept header.
 */
#include "common.h"

#define NONCE "dGhlIHNhbXBsZSBub25jZQ=="
#define ROOM 65536

typedef struct {
    int fd, stage;
    char *kept; /* an incomplete frame or handshake */
    uint32_t kept_size;
    uint32_t version; /* of the newest state: what a browser would have painted */
} Screen;
enum { CONNECTING, UPGRADING, WAITING, OPEN, LOST };

static struct {
    int64_t frames, states, pings, pongs, bytes, first_ns, last_ns;
    Samples latency;
} seen;
static int epoll, port, total, ready, lost, begun, window;
static uint32_t sources;
static const char *path;
static char **tokens, last_text[600], last_close[200];
static Screen *screens;

static void send_frame(Screen *screen, int opcode, const char *payload, size_t size) {
    static unsigned char frame[8192];
    size_t head = 0;
    frame[head++] = 0x80 | opcode;
    if (size < 126) {
        frame[head++] = 0x80 | size;
    } else {
        frame[head++] = 0x80 | 126;
        frame[head++] = size >> 8;
        frame[head++] = size;
    }
    memset(frame + head, 0, 4);
    memcpy(frame + head + 4, payload, size);
    send_all(screen->fd, frame, head + 4 + size);
}

static void begin(Screen *screen) {
    int index = screen - screens;
    screen->fd = connect_loopback(port, sources ? 0x7f000001 + index % sources : 0);
    watch(epoll, screen->fd, EPOLLOUT, screen, EPOLL_CTL_ADD);
    begun++;
}

static void lose(Screen *screen) {
    if (screen->stage == LOST) return;
    if (screen->stage == OPEN) ready--;
    screen->stage = LOST;
    lost++;
    close(screen->fd);
}

static void upgrade(Screen *screen) {
    char request[600];
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: " NONCE "\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Protocol: livecredits.v1\r\nUser-Agent: livecredits-bench\r\n\r\n",
                        path, port);
    send_all(screen->fd, request, size);
    screen->stage = UPGRADING;
    watch(epoll, screen->fd, EPOLLIN, screen, EPOLL_CTL_MOD);
}

static void sign_in(Screen *screen) {
    char frame[4096];
    int size = snprintf(frame, sizeof frame, "{\"type\":\"auth\",\"token\":\"%s\"}", tokens[screen - screens]);
    send_frame(screen, 1, frame, size);
    screen->stage = WAITING;
}

static void read_text(Screen *screen, const char *text, size_t size, int64_t now) {
    seen.frames++;
    if (screen->stage == WAITING) {
        screen->stage = OPEN;
        ready++;
    }
    if (size < 15 || memcmp(text, "{\"type\":\"state\"", 15) != 0) {
        if (size > 14 && memcmp(text, "{\"type\":\"tick\"", 14) == 0) {
            char pong[120];
            int length = snprintf(pong, sizeof pong,
                                  "{\"type\":\"pong\",\"painted\":{\"credits\":%u},\"visible\":true,\"tabs\":1}",
                                  screen->version);
            send_frame(screen, 1, pong, length);
            seen.pongs++;
        }
        return;
    }
    if (!seen.states++) {
        seen.first_ns = now;
        snprintf(last_text, sizeof last_text, "%.*s", (int)size, text);
    }
    seen.last_ns = now;
    const char *version = memmem(text, size, "\"version\":", 10);
    if (version) screen->version = strtoul(version + 10, NULL, 10);
    const char *label = memmem(text, size, "\"label\":\"t", 10);
    if (label) samples_add(&seen.latency, (now - strtoll(label + 10, NULL, 10)) / 1000);
}

/* Reads whole frames from `data`; returns how many bytes were used. */
static size_t read_frames(Screen *screen, const unsigned char *data, size_t size, int64_t now) {
    size_t used = 0;
    while (size - used >= 2) {
        const unsigned char *frame = data + used;
        size_t left = size - used, head = 2, length = frame[1] & 0x7f;
        if (length == 126) {
            if (left < 4) break;
            length = frame[2] << 8 | frame[3];
            head = 4;
        } else if (length == 127) {
            if (left < 10) break;
            length = (size_t)frame[6] << 24 | frame[7] << 16 | frame[8] << 8 | frame[9];
            head = 10;
        }
        if (left < head + length) break;
        int opcode = frame[0] & 0x0f;
        if (opcode == 1) {
            read_text(screen, (const char *)frame + head, length, now);
        } else if (opcode == 9) {
            seen.pings++;
            send_frame(screen, 10, (const char *)frame + head, length);
        } else if (opcode == 8) {
            snprintf(last_close, sizeof last_close, "%d %.*s", length > 1 ? frame[head] << 8 | frame[head + 1] : 0,
                     length > 2 ? (int)length - 2 : 0, frame + head + 2);
            lose(screen);
            return size;
        }
        used += head + length;
    }
    return used;
}

static size_t read_upgrade(Screen *screen, const char *data, size_t size) {
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end) return 0;
    if (size < 12 || memcmp(data + 9, "101", 3) != 0) {
        snprintf(last_close, sizeof last_close, "%.*s", (int)(size < 90 ? size : 90), data);
        lose(screen);
        return size;
    }
    sign_in(screen);
    return end + 4 - data;
}

static void keep(Screen *screen, const char *rest, size_t size) {
    if (!size) {
        free(screen->kept);
        screen->kept = NULL;
    } else {
        char *kept = malloc(size);
        memcpy(kept, rest, size);
        free(screen->kept);
        screen->kept = kept;
    }
    screen->kept_size = size;
}

static void read_socket(Screen *screen) {
    static char buffer[2 * ROOM];
    uint32_t before = screen->kept_size;
    if (before) memcpy(buffer, screen->kept, before);
    ssize_t got = recv(screen->fd, buffer + before, ROOM, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) lose(screen);
        return;
    }
    int64_t now = now_ns();
    size_t size = before + got, used = 0;
    seen.bytes += got;
    if (screen->stage == UPGRADING) used = read_upgrade(screen, buffer, size);
    if (screen->stage == WAITING || screen->stage == OPEN)
        used += read_frames(screen, (unsigned char *)buffer + used, size - used, now);
    if (screen->stage != LOST) keep(screen, buffer + used, size - used);
}

static void escaped(const char *name, const char *text) {
    printf(",\"%s\":\"", name);
    for (; *text; text++) {
        if ((unsigned char)*text < 32) continue;
        if (*text == '"' || *text == '\\') putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

static void report(const char *event) {
    printf("{\"event\":\"%s\",\"screens\":%d,\"lost\":%d,\"frames\":%ld,\"states\":%ld,\"pings\":%ld,\"pongs\":%ld,\"bytes\":%ld,"
           "\"first_ns\":%ld,\"last_ns\":%ld,\"cpu_s\":%.6f,\"latency\":{",
           event, ready, lost, seen.frames, seen.states, seen.pings, seen.pongs, seen.bytes, seen.first_ns, seen.last_ns, cpu_s());
    samples_print(&seen.latency);
    printf("}");
    escaped("sample", last_text);
    escaped("last_close", last_close);
    printf("}\n");
    fflush(stdout);
}

static void read_tokens(const char *file) {
    static char line[4096];
    FILE *from = file ? fopen(file, "r") : NULL;
    if (file && !from) fail(file);
    tokens = calloc(total, sizeof *tokens);
    for (int i = 0; i < total; i++) {
        if (from && !fgets(line, sizeof line, from)) fail("too few tokens");
        line[strcspn(line, "\n")] = 0;
        tokens[i] = strdup(from ? line : "none");
    }
}

int main(int count, char **words) {
    port = atoi(option(count, words, "--port", "0"));
    path = option(count, words, "--path", "/");
    total = atoi(option(count, words, "--count", "1"));
    sources = atoi(option(count, words, "--sources", "16"));
    window = atoi(option(count, words, "--window", "64"));
    lift_file_limit(total + 64);
    read_tokens(option(count, words, "--tokens", NULL));
    screens = calloc(total, sizeof *screens);
    epoll = epoll_create1(0);
    watch(epoll, STDIN_FILENO, EPOLLIN, NULL, EPOLL_CTL_ADD);

    struct epoll_event events[EVENTS];
    char line[200];
    int64_t wanted = -1, quiet_ns = 0, asked_ns = 0, began_ns = now_ns();
    int is_told = 0;
    for (;;) {
        while (begun < total && begun - ready - lost < window) begin(&screens[begun]);
        int found = epoll_wait(epoll, events, EVENTS, wanted >= 0 ? 5 : -1);
        for (int i = 0; i < found; i++) {
            Screen *screen = events[i].data.ptr;
            if (screen == NULL) {
                if (!read_command(line, sizeof line) || strcmp(line, "quit") == 0) return 0;
                if (strcmp(line, "reset") == 0) {
                    free(seen.latency.us);
                    memset(&seen, 0, sizeof seen);
                    report("reset");
                } else if (sscanf(line, "wait %ld %ld", &wanted, &quiet_ns) == 2) {
                    quiet_ns *= 1000000;
                    asked_ns = now_ns();
                } else {
                    report("report");
                }
            } else if (screen->stage == LOST) {
                continue;
            } else if (screen->stage == CONNECTING) {
                int error = 0;
                socklen_t size = sizeof error;
                getsockopt(screen->fd, SOL_SOCKET, SO_ERROR, &error, &size);
                if (error) lose(screen);
                else upgrade(screen);
            } else {
                read_socket(screen);
            }
        }
        if (!is_told && ready + lost == total) {
            is_told = 1;
            printf("{\"event\":\"ready\",\"screens\":%d,\"lost\":%d,\"seconds\":%.3f", ready, lost,
                   (now_ns() - began_ns) / 1e9);
            escaped("last_close", last_close);
            printf("}\n");
            fflush(stdout);
        }
        if (wanted >= 0) {
            int64_t latest = seen.last_ns > asked_ns ? seen.last_ns : asked_ns;
            if (seen.states >= wanted || now_ns() - latest > quiet_ns) {
                wanted = -1;
                report("report");
            }
        }
    }
}
