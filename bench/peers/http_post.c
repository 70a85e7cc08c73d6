/* HTTP requests over keep-alive connections in one thread: as fast as answers come, or at a steady rate.
 *
 *   http_post --port 8300 --method POST --path '/api/v1/users/u{u}/grants' --users 10000 --first 0
 *             --body '{"amount":1,"label":"t{t}"}' --key lck_… --connections 64 --requests 20000 [--rate 500]
 *
 * Promises: {u} is the next user's number, {t} the CLOCK_MONOTONIC ns at which the request was due; every request
 * has an Idempotency-Key of its own; prints one line of JSON: answers by status, answers a second, time to answer.
 * With --rate the load is open: a request is due at its second whether or not earlier ones were answered, and its time
 * counts from then (a server that stalls does not slow its judge down).
 * Not a general client: it needs Content-Length in answers and one answer per request.
 */
#include "common.h"

#define ROOM 65536

typedef struct {
    int fd, is_busy;
    int64_t due_ns;
    size_t used;
    char buffer[ROOM];
} Connection;

static int epoll, port, users, first;
static const char *method, *path, *body, *key;
static int64_t sent, answered, wanted, seed, rate, began_ns, last_ns;
static int64_t statuses[600];
static char first_bad[600];
static Samples latency;
static Connection **connections;
static int connection_count;

/* Copies `template` with {u} and {t} filled in; returns the length. */
static size_t fill(char *to, size_t room, const char *template, int user, int64_t due_ns) {
    size_t used = 0;
    for (const char *at = template; *at && used + 32 < room; at++) {
        if (at[0] == '{' && at[1] == 'u' && at[2] == '}') used += sprintf(to + used, "%05d", user), at += 2;
        else if (at[0] == '{' && at[1] == 't' && at[2] == '}') used += sprintf(to + used, "%ld", due_ns), at += 2;
        else to[used++] = *at;
    }
    to[used] = 0;
    return used;
}

static void post(Connection *connection, int64_t due_ns) {
    char request[4096], target[512], content[1024];
    int user = first + sent % users;
    fill(target, sizeof target, path, user, due_ns);
    size_t content_size = fill(content, sizeof content, body, user, due_ns);
    int size = snprintf(request, sizeof request,
                        "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
                        "Idempotency-Key: bench-%lx-%ld\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        method, target, port, key, seed, sent, content_size, content);
    connection->is_busy = 1;
    connection->due_ns = due_ns;
    sent++;
    send_all(connection->fd, request, size);
}

static void post_what_is_due(Connection *connection) {
    if (sent >= wanted) return;
    int64_t due_ns = rate ? began_ns + sent * 1000000000 / rate : now_ns();
    if (due_ns <= now_ns()) post(connection, due_ns);
}

/* Length of the whole answer if it is all here, else 0. */
static size_t whole_answer(Connection *connection) {
    char *end = memmem(connection->buffer, connection->used, "\r\n\r\n", 4);
    if (!end) return 0;
    *end = 0;
    char *length = strcasestr(connection->buffer, "\r\ncontent-length:");
    *end = '\r';
    size_t size = end + 4 - connection->buffer + (length ? strtoul(length + 17, NULL, 10) : 0);
    return connection->used >= size ? size : 0;
}

static void open_connection(Connection *connection) {
    struct epoll_event event;
    int opening = epoll_create1(0);
    connection->fd = connect_loopback(port, 0);
    watch(opening, connection->fd, EPOLLOUT, connection, EPOLL_CTL_ADD);
    epoll_wait(opening, &event, 1, 5000);
    close(opening);
    watch(epoll, connection->fd, EPOLLIN, connection, EPOLL_CTL_ADD);
}

static void read_answer(Connection *connection) {
    ssize_t got = recv(connection->fd, connection->buffer + connection->used, ROOM - 1 - connection->used, 0);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) return;
        if (!connection->is_busy) { /* idle for longer than the server keeps connections */
            close(connection->fd);
            open_connection(connection);
            return;
        }
        fprintf(stderr, "the server closed a connection: %.200s\n", connection->buffer);
        exit(1);
    }
    connection->used += got;
    connection->buffer[connection->used] = 0;
    if (!whole_answer(connection)) return;
    int status = atoi(connection->buffer + 9);
    last_ns = now_ns();
    samples_add(&latency, (last_ns - connection->due_ns) / 1000);
    statuses[status > 0 && status < 600 ? status : 0]++;
    if (status >= 300 && !*first_bad)
        for (size_t from = 0, to = 0; from < connection->used && to + 3 < sizeof first_bad; from++) {
            char byte = connection->buffer[from];
            first_bad[to++] = byte < 32 || byte == '"' || byte == '\\' ? ' ' : byte;
        }
    answered++;
    connection->used = 0;
    connection->is_busy = 0;
    post_what_is_due(connection);
}

static void open_connections(int count) {
    connection_count = count;
    connections = calloc(count, sizeof *connections);
    for (int i = 0; i < count; i++) open_connection(connections[i] = calloc(1, sizeof **connections));
}

static void report(void) {
    double seconds = (last_ns - began_ns) / 1e9;
    printf("{\"answers\":%ld,\"seconds\":%.4f,\"per_s\":%.1f,\"cpu_s\":%.4f,\"statuses\":{", answered, seconds,
           answered / seconds, cpu_s());
    const char *comma = "";
    for (int i = 0; i < 600; i++)
        if (statuses[i]) printf("%s\"%d\":%ld", comma, i, statuses[i]), comma = ",";
    printf("},\"latency\":{");
    samples_print(&latency);
    printf("},\"first_bad\":\"%s\"}\n", first_bad);
}

int main(int count, char **words) {
    port = atoi(option(count, words, "--port", "0"));
    method = option(count, words, "--method", "POST");
    path = option(count, words, "--path", "/");
    body = option(count, words, "--body", "");
    key = option(count, words, "--key", "none");
    users = atoi(option(count, words, "--users", "1"));
    first = atoi(option(count, words, "--first", "0"));
    wanted = atoll(option(count, words, "--requests", "1000"));
    rate = atoll(option(count, words, "--rate", "0"));
    epoll = epoll_create1(0);
    open_connections(atoi(option(count, words, "--connections", "16")));
    seed = began_ns = now_ns();
    struct epoll_event events[EVENTS];
    while (answered < wanted) {
        for (int i = 0; i < connection_count; i++)
            if (!connections[i]->is_busy) post_what_is_due(connections[i]);
        /* An open load looks at the clock every 100 µs; epoll's own time-out is a whole millisecond at least. */
        struct timespec wait = {0, rate ? 100000 : 100000000};
        int found = epoll_pwait2(epoll, events, EVENTS, &wait, NULL);
        for (int i = 0; i < found; i++) read_answer(events[i].data.ptr);
    }
    report();
    return 0;
}
