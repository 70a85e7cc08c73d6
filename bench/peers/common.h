/* What the C peers and load generators share: a clock, a growing list of samples, sockets, lines from the harness.
 *
 * Promises: every program obeys one-line commands on stdin and answers with one line of JSON on stdout; times are
 * CLOCK_MONOTONIC nanoseconds, the clock that Python's time.monotonic_ns() reads, so that stamps of several processes
 * of this machine compare.
 * Must not know: what is measured. Linux only (epoll). Loopback only: no function here takes a host name.
 */
#ifndef COMMON_H
#define COMMON_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 512

static inline int64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static inline double cpu_s(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static inline void fail(const char *sentence) {
    fprintf(stderr, "%s: %s\n", sentence, strerror(errno));
    exit(1);
}

/* As many open files as the system grants; root may lift its own bound. */
static inline void lift_file_limit(rlim_t wanted) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < wanted) limit.rlim_max = wanted;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* --- samples: microseconds, kept whole so that percentiles are exact ------------------------------------------- */

typedef struct {
    int32_t *us;
    size_t count, room;
} Samples;

static inline void samples_add(Samples *samples, int64_t us) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? samples->room * 2 : 4096;
        samples->us = realloc(samples->us, samples->room * sizeof *samples->us);
        if (!samples->us) fail("no memory for samples");
    }
    samples->us[samples->count++] = us > INT32_MAX ? INT32_MAX : (int32_t)us;
}

static int compare_us(const void *left, const void *right) {
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

/* `"n":3,"p50_us":…` without braces. Sorts in place. */
static inline void samples_print(Samples *samples) {
    size_t n = samples->count;
    qsort(samples->us, n, sizeof *samples->us, compare_us);
#define AT(share) (n ? samples->us[(size_t)((n - 1) * (share))] : 0)
    printf("\"n\":%zu,\"p50_us\":%d,\"p90_us\":%d,\"p99_us\":%d,\"p999_us\":%d,\"max_us\":%d", n, AT(0.5), AT(0.9),
           AT(0.99), AT(0.999), AT(1.0));
#undef AT
}

/* --- sockets --------------------------------------------------------------------------------------------------- */

static inline void unblock(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | O_NONBLOCK); }

static inline void no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* A socket that ends with a reset: thousands of closed ones must not sit in TIME_WAIT and use up the ports. */
static inline int connect_loopback(int port, uint32_t source) {
    struct linger none = {1, 0};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0) fail("socket (is the limit of open files too low?)");
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    no_delay(fd);
    if (source && bind(fd, (struct sockaddr *)&from, sizeof from) != 0) fail("bind");
    unblock(fd);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) fail("connect");
    return fd;
}

static inline void watch(int epoll, int fd, uint32_t events, void *who, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = who};
    if (epoll_ctl(epoll, operation, fd, &event) != 0) fail("epoll_ctl");
}

/* Everything or nothing: what is sent this way is tiny, or its receiver is known to read. */
static inline void send_all(int fd, const void *data, size_t size) {
    const char *at = data;
    while (size) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            fd_set one;
            if (fd >= FD_SETSIZE) {
                usleep(100);
                continue;
            }
            FD_ZERO(&one);
            FD_SET(fd, &one);
            select(fd + 1, NULL, &one, NULL, NULL);
            continue;
        }
        if (sent < 0) return; /* the other side went; its reader will find out */
        at += sent;
        size -= sent;
    }
}

/* --- commands -------------------------------------------------------------------------------------------------- */

/* One line from stdin, read byte by byte so that epoll on stdin and the buffer never disagree. 0 at the end. */
static inline int read_command(char *line, size_t room) {
    size_t used = 0;
    char byte;
    while (read(STDIN_FILENO, &byte, 1) == 1) {
        if (byte == '\n') {
            line[used] = 0;
            return 1;
        }
        if (used + 1 < room) line[used++] = byte;
    }
    return 0;
}

static inline const char *option(int count, char **words, const char *name, const char *otherwise) {
    for (int i = 1; i + 1 < count; i += 2)
        if (strcmp(words[i], name) == 0) return words[i + 1];
    return otherwise;
}
#endif
