/*
 * Viewers, as cheap as they can be: connections whose bytes the kernel throws away.
 *
 * It reads one order a line, and answers each with one line of JSON:
 *
 *   open PORT PATH COUNT   as many more viewers; answers when each of them has got its first bytes
 *   mark                   the report begins here
 *   report                 {"seconds":…,"bytes":…,"longestGapMs":…,"lost":…,"cpuSeconds":…} since then
 *
 * The end of its input ends it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_VIEWERS 4096
#define AT_ONCE (1 << 20)
#define OPEN_SECONDS 30
#define CONNECTS_PER_SECOND 400

struct viewer {
  int fd;
  double last;
  long long bytes;
};

static struct viewer viewers[MAX_VIEWERS];
static int count, lost, poll;
static long long bytes;
static double longest, marked, marked_cpu;
static char scratch[AT_ONCE];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void take(struct viewer *viewer) {
  /* MSG_TRUNC: the bytes are not copied. */
  ssize_t got = recv(viewer->fd, scratch, AT_ONCE, MSG_TRUNC | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    epoll_ctl(poll, EPOLL_CTL_DEL, viewer->fd, NULL);
    close(viewer->fd);
    viewer->fd = -1;
    lost++;
    return;
  }
  double at = now();
  if (at - viewer->last > longest) longest = at - viewer->last;
  viewer->last = at;
  viewer->bytes += got;
  bytes += got;
}

/* Reads for so many seconds, or until there is an order. 1: there is one. */
static int watch(double seconds) {
  double until = now() + seconds;
  for (;;) {
    double left = until - now();
    struct epoll_event events[256];
    int ready = epoll_wait(poll, events, 256, seconds < 0 ? -1 : left > 0 ? (int)(left * 1000) + 1 : 0);
    int ordered = 0;
    for (int n = 0; n < ready; n++) {
      if (events[n].data.u32 == MAX_VIEWERS) ordered = 1;
      else take(&viewers[events[n].data.u32]);
    }
    if (ordered && seconds < 0) return 1;
    if (seconds >= 0 && now() >= until) return 0;
  }
}

static int connect_one(int port, const char *path) {
  if (count == MAX_VIEWERS) return 0;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return 0;
  char request[4096];
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: bench\r\n\r\n",
                        path, port);
  if (write(fd, request, length) != length) return 0;
  viewers[count] = (struct viewer){.fd = fd, .last = now()};
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = count};
  epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
  count++;
  return 1;
}

static void open_viewers(int port, const char *path, int more) {
  int from = count;
  for (int n = 0; n < more; n++) {
    if (!connect_one(port, path)) {
      printf("{\"error\":\"no connection to port %d: %s\"}\n", port, strerror(errno));
      return;
    }
    watch(1.0 / CONNECTS_PER_SECOND);
  }
  for (double until = now() + OPEN_SECONDS; now() < until && lost == 0;) {
    int waiting = 0;
    for (int n = from; n < count; n++) waiting += viewers[n].bytes == 0;
    if (waiting == 0) {
      puts("{}");
      return;
    }
    watch(0.02);
  }
  printf("{\"error\":\"%d of %d viewers were refused or got nothing\"}\n", lost > 0 ? lost : more, more);
}

static void mark(void) {
  marked = now();
  marked_cpu = cpu();
  bytes = 0;
  longest = 0;
  for (int n = 0; n < count; n++) viewers[n].last = marked;
  puts("{}");
}

static void report(void) {
  double at = now();
  for (int n = 0; n < count; n++)
    if (viewers[n].fd >= 0 && at - viewers[n].last > longest) longest = at - viewers[n].last;
  printf("{\"seconds\":%.6f,\"bytes\":%lld,\"longestGapMs\":%.1f,\"lost\":%d,\"cpuSeconds\":%.6f}\n", at - marked, bytes,
         longest * 1000, lost, cpu() - marked_cpu);
}

int main(void) {
  poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = MAX_VIEWERS};
  epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  char line[4096], path[4000];
  for (;;) {
    watch(-1);
    ssize_t length = read(STDIN_FILENO, line, sizeof line - 1);
    if (length <= 0) return 0;
    line[length] = 0;
    int port, more;
    if (sscanf(line, "open %d %3999s %d", &port, path, &more) == 3) open_viewers(port, path, more);
    else if (strncmp(line, "mark", 4) == 0) mark();
    else if (strncmp(line, "report", 6) == 0) report();
    else puts("{\"error\":\"no such order\"}");
    fflush(stdout);
  }
}
