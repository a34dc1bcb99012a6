/*
 * The least that a server can do: it writes a stream from memory to each connection, as much as is due.
 *
 *   floor FILE BYTES_PER_SECOND INTERVAL_MS
 *
 * It prints the port that it listens on. A number on its standard input is a new interval between two writes, in ms; the end of the input
 * ends it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PACKET 188
#define MAX_CLIENTS 4096

static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n";

struct client {
  int fd;
  int playing;
  long long at; /* the next byte to write, counted from the start of the first round of the file */
};

static struct client clients[MAX_CLIENTS];
static int count;
static char *media;
static long long size;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void drop(int index) {
  close(clients[index].fd);
  clients[index] = clients[--count];
}

/* 0: the connection is gone. */
static int feed(struct client *client, long long due) {
  while (client->at < due) {
    long long from = client->at % size;
    long long length = due - client->at < size - from ? due - client->at : size - from;
    ssize_t written = write(client->fd, media + from, length);
    if (written < 0) return errno == EAGAIN || errno == EINTR;
    client->at += written;
    if (written < length) return 1;
  }
  return 1;
}

static char *load(const char *path) {
  struct stat info;
  int fd = open(path, O_RDONLY);
  if (fd < 0 || fstat(fd, &info) < 0) return NULL;
  size = info.st_size;
  char *bytes = malloc(size);
  for (long long done = 0; bytes != NULL && done < size;) {
    ssize_t got = read(fd, bytes + done, size - done);
    if (got <= 0) return NULL;
    done += got;
  }
  close(fd);
  return bytes;
}

/* What a connection asks for is not read: it plays from its first bytes on. */
static void hear(int fd, long long due) {
  char request[4096];
  for (int n = 0; n < count; n++) {
    if (clients[n].fd != fd) continue;
    ssize_t got = read(fd, request, sizeof request);
    if (got == 0 || (got < 0 && errno != EAGAIN)) drop(n);
    else if (got > 0 && !clients[n].playing) {
      clients[n].playing = write(fd, HEAD, sizeof HEAD - 1) > 0;
      clients[n].at = due;
    }
    return;
  }
}

int main(int argc, char **argv) {
  if (argc < 4 || (media = load(argv[1])) == NULL) return 2;
  double rate = atof(argv[2]), interval = atof(argv[3]) / 1000;
  signal(SIGPIPE, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 1024) < 0) return 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  int poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  event.data.fd = STDIN_FILENO;
  epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  double start = now(), next = start;
  for (;;) {
    double left = next - now();
    struct epoll_event events[64];
    int ready = epoll_wait(poll, events, 64, left > 0 ? (int)(left * 1000) + 1 : 0);
    long long due = (long long)((now() - start) * rate) / PACKET * PACKET;
    for (int n = 0; n < ready; n++) {
      int fd = events[n].data.fd;
      if (fd == STDIN_FILENO) {
        char line[64] = {0};
        if (read(fd, line, sizeof line - 1) <= 0) return 0;
        interval = atof(line) / 1000;
      } else if (fd == listener) {
        int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (client < 0) continue;
        if (count == MAX_CLIENTS) {
          close(client);
          continue;
        }
        clients[count++] = (struct client){.fd = client};
        event = (struct epoll_event){.events = EPOLLIN, .data.fd = client};
        epoll_ctl(poll, EPOLL_CTL_ADD, client, &event);
      } else {
        hear(fd, due);
      }
    }
    if (now() < next) continue;
    for (int n = count - 1; n >= 0; n--)
      if (clients[n].playing && !feed(&clients[n], due)) drop(n);
    next = next + interval > now() ? next + interval : now() + interval;
  }
}
