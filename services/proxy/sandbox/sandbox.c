/*
 * Runs one FFmpeg in a sandbox: under another user, with files and network closed by the kernel. Layers that this machine
 * does not support are left out. `--attempt`, run inside, reports which of them hold.
 *
 *   sandbox --parent PID [--user] [--files] [--calls] [--read PATH]... [--device PATH]... [--group GID]...
 *           [--connect PORT] [--memory BYTES] [--family] [--scratch PATH] -- PROGRAM ARGUMENTS...
 *
 *   --parent PID    end at once when that process is no longer the parent
 *   --user          change to `nobody`, when started by root or installed set-user-ID root
 *   --files         Landlock: allow only system libraries, fonts, and what --read and --device name
 *   --calls         seccomp: no sockets, no io_uring, no reading of other processes
 *   --connect PORT  with --calls: connect every TCP socket of the program to this port of 127.0.0.1, whatever address it
 *                   asks for
 *   --memory BYTES  most address space that the program may have, and each that it starts
 *   --family        the program may start others: they are one process group, which ends with it, with us and with the worker
 *   --scratch PATH  give the program a folder below PATH for named pipes and small files, named by TMPDIR. It is gone when the
 *                   program is
 *
 * This process stays as the parent of the program. The worker may signal it even when the program has another user. It
 * supplies the sockets and ends with the program's status. It passes SIGTERM on, and kills the program on SIGUSR1. Its own
 * death ends the program too, but only SIGUSR1 keeps the program's CPU time in the worker's account. It dies with the worker.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, MAX_PATHS = 64, MAX_GROUPS = 16, CANNOT_START = 126, NICENESS = 5, SCRATCH_BYTES = 64 * 1024 };

static const char *readable[MAX_PATHS] = {
    "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/share", "/lib", "/lib64", "/etc/ld.so.cache",
    "/etc/fonts", "/var/cache/fontconfig", "/etc/localtime", "/sys/devices/system", "/dev/urandom"};
static const char *devices[MAX_PATHS] = {"/dev/null", "/dev/zero"};
static gid_t groups[MAX_GROUPS];
static size_t readable_count = 13, device_count = 2, group_count;
static int wants_user, wants_files, wants_calls, is_family, connect_port;
static char scratch[256];
static rlim_t memory = RLIM_INFINITY;
static char **program;
/* Written by the child. It shares our memory and descriptors until it becomes the program. */
static int listener = -1, start_error;

/* Landlock by number, because the headers of many systems are older than their kernels. */
struct ruleset { uint64_t files, network, scopes; };
struct path_rule { uint64_t allowed; int32_t fd; } __attribute__((packed));
struct port_rule { uint64_t allowed, port; };
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446, RULE_PATH = 1, RULE_PORT = 2 };
enum { EXECUTE = 1, WRITE_FILE = 2, READ_FILE = 4, READ_DIR = 8, TRUNCATE = 1 << 14, IOCTL_DEVICE = 1 << 15, CONNECT = 2 };
enum { REMOVE_FILE = 1 << 5, MAKE_FILE = 1 << 8, MAKE_PIPE = 1 << 10 };

static void allow(int rules, const char *path, uint64_t rights) {
  struct path_rule rule = {.allowed = rights, .fd = open(path, O_PATH | O_CLOEXEC)};
  if (rule.fd < 0) return; /* A missing path needs no rule. */
  /* The kernel refuses the right to list a folder for a path that is not a folder. */
  if (syscall(ADD_RULE, rules, RULE_PATH, &rule, 0) != 0) {
    rule.allowed &= ~(uint64_t)READ_DIR;
    syscall(ADD_RULE, rules, RULE_PATH, &rule, 0);
  }
  close(rule.fd);
}

static void close_files(void) {
  long version = syscall(CREATE_RULESET, NULL, 0, 1);
  if (version < 1) return;
  uint64_t files = version >= 5 ? 0xffff : version >= 3 ? 0x7fff : version == 2 ? 0x3fff : 0x1fff;
  struct ruleset handled = {.files = files, .network = version >= 4 ? 3 : 0, .scopes = version >= 6 ? 3 : 0};
  size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  int rules = syscall(CREATE_RULESET, &handled, size, 0);
  if (rules < 0) return;
  for (size_t n = 0; n < readable_count; n++) allow(rules, readable[n], EXECUTE | READ_FILE | READ_DIR);
  uint64_t device = (READ_FILE | WRITE_FILE | READ_DIR | TRUNCATE | IOCTL_DEVICE) & files;
  for (size_t n = 0; n < device_count; n++) allow(rules, devices[n], device);
  uint64_t made = (READ_FILE | WRITE_FILE | READ_DIR | REMOVE_FILE | MAKE_FILE | MAKE_PIPE | TRUNCATE) & files;
  if (scratch[0] != 0) allow(rules, scratch, made);
  allow(rules, program[0], EXECUTE | READ_FILE);
  /* Only when seccomp does not connect the program's sockets. */
  struct port_rule port = {.allowed = CONNECT, .port = connect_port};
  if (version >= 4 && connect_port != 0 && listener < 0) syscall(ADD_RULE, rules, RULE_PORT, &port, 0);
  syscall(RESTRICT_SELF, rules, 0);
  close(rules);
}

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(answer) BPF_STMT(BPF_RET | BPF_K, answer)
/* Continues with the next line when equal; otherwise skips this many lines. */
#define EQUAL(value, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped)
#define REFUSED (SECCOMP_RET_ERRNO | EACCES)
#define REFUSE(call) EQUAL(__NR_##call, 1), RETURN(REFUSED)

static void close_calls(void) {
#if defined(ARCH) && defined(SECCOMP_IOCTL_NOTIF_ADDFD)
  uint32_t tcp = connect_port == 0 ? REFUSED : SECCOMP_RET_USER_NOTIF;
  /* An error of 0 means success without action: the socket is already connected. */
  uint32_t connected = connect_port == 0 ? REFUSED : SECCOMP_RET_ERRNO;
  struct sock_filter lines[] = {
      LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0), RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(nr),
      /* The x32 interface has its own call numbers. */
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), RETURN(REFUSED),
      /* io_uring makes sockets without this filter. The others reach into other processes or out of the sandbox. */
      REFUSE(io_uring_setup), REFUSE(io_uring_enter), REFUSE(io_uring_register), REFUSE(ptrace), REFUSE(kill),
      REFUSE(process_vm_readv), REFUSE(process_vm_writev), REFUSE(pidfd_getfd), REFUSE(unshare), REFUSE(setns),
      REFUSE(bpf), REFUSE(keyctl), REFUSE(bind), REFUSE(listen), REFUSE(setsid), REFUSE(setpgid),
      EQUAL(__NR_connect, 1), RETURN(connected),
      EQUAL(__NR_socket, 7), LOAD(args[0]), EQUAL(AF_INET, 4), LOAD(args[1]),
      /* The socket type without its flags. */
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf), EQUAL(SOCK_STREAM, 1), RETURN(tcp), RETURN(REFUSED),
      RETURN(SECCOMP_RET_ALLOW)};
  struct sock_fprog filter = {.len = sizeof lines / sizeof *lines, .filter = lines};
  unsigned flags = connect_port == 0 ? 0 : SECCOMP_FILTER_FLAG_NEW_LISTENER;
  int answer = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  if (connect_port != 0) listener = answer;
#endif
}

/* Gives the program a socket that is connected to the gateway, in place of the one that it asked for. */
static void answer_socket(void) {
#ifdef SECCOMP_IOCTL_NOTIF_ADDFD
  /* The kernel's structures may be longer than those in the headers. */
  union { struct seccomp_notif asked; char space[512]; } question = {0};
  union { struct seccomp_notif_resp answer; char space[512]; } reply = {0};
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question) != 0) return;
  struct sockaddr_in gateway = {.sin_family = AF_INET, .sin_port = htons(connect_port)};
  gateway.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int own = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int given = own < 0 || connect(own, (struct sockaddr *)&gateway, sizeof gateway) != 0 ? -errno : 0;
  if (given == 0) {
    int flags = question.asked.data.args[1];
    if (flags & SOCK_NONBLOCK) fcntl(own, F_SETFL, O_NONBLOCK);
    struct seccomp_notif_addfd add = {
        .id = question.asked.id, .srcfd = own, .newfd_flags = flags & SOCK_CLOEXEC ? O_CLOEXEC : 0};
    given = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    if (given < 0) given = -errno;
  }
  if (own >= 0) close(own);
  reply.answer.id = question.asked.id;
  reply.answer.val = given < 0 ? 0 : given;
  reply.answer.error = given < 0 ? given : 0;
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
#endif
}

/* The child. It runs on its own stack in our memory while we wait. */
static int become_program(void *parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  /* By number, because the library's function would change our threads too. An exec keeps the death signal only when all ids
     are the same. */
  uid_t user = geteuid();
  gid_t group = getegid();
  syscall(__NR_setresgid, group, group, group);
  syscall(__NR_setresuid, user, user, user);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != *(pid_t *)parent) _exit(CANNOT_START);
  if (is_family && setpgid(0, 0) != 0) _exit(CANNOT_START);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  struct rlimit most = {.rlim_cur = memory, .rlim_max = memory};
  if (memory != RLIM_INFINITY && setrlimit(RLIMIT_AS, &most) != 0) _exit(CANNOT_START);
  struct rlimit small = {.rlim_cur = SCRATCH_BYTES, .rlim_max = SCRATCH_BYTES};
  if (scratch[0] != 0 && setrlimit(RLIMIT_FSIZE, &small) != 0) _exit(CANNOT_START);
  if (wants_calls) close_calls();
  if (wants_files) close_files();
  execv(program[0], program);
  start_error = errno;
  _exit(CANNOT_START);
}

/* Root's rights end here, with or without another user. */
static int drop_rights(void) {
  uid_t user = getuid();
  gid_t group = getgid();
  int can_change = geteuid() == 0;
  if (wants_user && can_change) {
    /* A caller that is not root keeps its own groups, such as the one that may use the graphics card. */
    if (user == 0 && setgroups(group_count, groups) != 0) return -1;
    /* The worker may signal a process that has the worker's real user. */
    return setresgid(-1, NOBODY, NOBODY) != 0 || setresuid(-1, NOBODY, NOBODY) != 0 ? -1 : 0;
  }
  return setresgid(group, group, group) != 0 || setresuid(user, user, user) != 0 ? -1 : 0;
}

/* Tries what a hostile program would try, and prints the results. Run as the program: `--attempt WORKER_PID PORT`. */
static int attempt(const char *worker, int port) {
  char environment[64];
  snprintf(environment, sizeof environment, "/proc/%s/environ", worker);
  int file = open("/etc/passwd", O_RDONLY), own = open("/proc/self/environ", O_RDONLY);
  int written = open("streampool-attempt", O_WRONLY | O_CREAT, 0600);
  if (written >= 0) unlink("streampool-attempt");
  printf("user %u\nfiles %s\n", getuid(), file < 0 && own < 0 && written < 0 ? "closed" : "open");
  printf("secrets %s\n", open(environment, O_RDONLY) < 0 ? "closed" : "open");
  struct sockaddr_in elsewhere = {.sin_family = AF_INET, .sin_port = htons(9)}, peer = {0};
  inet_pton(AF_INET, "192.0.2.1", &elsewhere.sin_addr); /* Reserved for documentation: no host has it. */
  socklen_t length = sizeof peer;
  int tcp = socket(AF_INET, SOCK_STREAM, 0);
  if (tcp >= 0) fcntl(tcp, F_SETFL, O_NONBLOCK);
  int failed = tcp < 0 || connect(tcp, (struct sockaddr *)&elsewhere, sizeof elsewhere) != 0 ? errno : 0;
  int is_gateway = failed == 0 && getpeername(tcp, (struct sockaddr *)&peer, &length) == 0 && port != 0 &&
                   peer.sin_port == htons(port) && peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
  int is_open = socket(AF_INET, SOCK_DGRAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
  printf("network %s\n", is_open ? "open" : is_gateway ? "gateway" : failed == EACCES ? "closed" : "open");
  return 0;
}

/* The program could make no folders in it. */
static void remove_scratch(void) {
  DIR *folder = opendir(scratch);
  if (folder == NULL) return;
  for (struct dirent *each; (each = readdir(folder)) != NULL;) unlinkat(dirfd(folder), each->d_name, 0);
  closedir(folder);
  rmdir(scratch);
}

static int end_as(int status) {
  if (scratch[0] != 0) remove_scratch();
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  struct rlimit none = {0};
  setrlimit(RLIMIT_CORE, &none);
  signal(WTERMSIG(status), SIG_DFL);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_UNBLOCK, &all, NULL);
  raise(WTERMSIG(status));
  return 128 + WTERMSIG(status);
}

int main(int count, char **words) {
  if (count == 4 && strcmp(words[1], "--attempt") == 0) return attempt(words[2], atoi(words[3]));
  pid_t worker = 0, self = getpid();
  for (int n = 1; n < count && program == NULL; n++) {
    const char *word = words[n], *value = n + 1 < count ? words[n + 1] : "";
    if (strcmp(word, "--") == 0) program = n + 1 < count ? &words[n + 1] : NULL;
    else if (strcmp(word, "--user") == 0) wants_user = 1;
    else if (strcmp(word, "--files") == 0) wants_files = 1;
    else if (strcmp(word, "--calls") == 0) wants_calls = 1;
    else if (strcmp(word, "--family") == 0) is_family = 1;
    else if (strcmp(word, "--scratch") == 0) snprintf(scratch, sizeof scratch, "%s/streampool-XXXXXX", value), n++;
    else if (strcmp(word, "--parent") == 0) worker = atoi(value), n++;
    else if (strcmp(word, "--connect") == 0) connect_port = atoi(value), n++;
    else if (strcmp(word, "--memory") == 0) memory = strtoull(value, NULL, 10), n++;
    else if (strcmp(word, "--read") == 0 && readable_count < MAX_PATHS) readable[readable_count++] = value, n++;
    else if (strcmp(word, "--device") == 0 && device_count < MAX_PATHS) devices[device_count++] = value, n++;
    else if (strcmp(word, "--group") == 0 && group_count < MAX_GROUPS) groups[group_count++] = atoi(value), n++;
    else return fprintf(stderr, "sandbox: unknown option %s\n", word), CANNOT_START;
  }
  if (program == NULL) return fprintf(stderr, "sandbox: no program given after --\n"), CANNOT_START;
  /* Encoding gets a lower priority than the worker, which serves everybody. When memory runs out, the kernel ends an FFmpeg
     first. */
  setpriority(PRIO_PROCESS, 0, NICENESS);
  int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score < 0 || write(score, "500", 3) != 3) errno = 0;
  if (score >= 0) close(score);
  if (drop_rights() != 0) return perror("sandbox: cannot change the user"), CANNOT_START;
  /* After the change of user, which clears it. The kernel would end only us, and the program after us. */
  prctl(PR_SET_PDEATHSIG, is_family ? SIGUSR1 : SIGKILL);
  if (worker != 0 && getppid() != worker) return CANNOT_START;

  /* The program itself handles a terminal's Ctrl-C. */
  for (const int *one = (int[]){SIGINT, SIGHUP, SIGQUIT, SIGPIPE, 0}; *one != 0; one++) signal(*one, SIG_IGN);
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  sigaddset(&watched, SIGUSR1);
  sigprocmask(SIG_BLOCK, &watched, NULL);
  int signals = signalfd(-1, &watched, SFD_CLOEXEC);
  if (scratch[0] != 0 && (mkdtemp(scratch) == NULL || setenv("TMPDIR", scratch, 1) != 0))
    return perror("sandbox: cannot make a folder"), CANNOT_START;
  static char stack[64 * 1024] __attribute__((aligned(16)));
  /* Returns when the child has become the program or has failed. Until then it shares our memory and descriptors. */
  pid_t child = clone(become_program, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &self);
  if (child < 0 || start_error != 0) {
    fprintf(stderr, "%s: %s\n", program[0], strerror(child < 0 ? errno : start_error));
    if (scratch[0] != 0) remove_scratch();
    return start_error == ENOENT ? 127 : CANNOT_START;
  }
  /* The pipes belong only to the program. */
  for (int n = 0; n < 3; n++) close(n);
  for (struct pollfd on[] = {{.fd = signals, .events = POLLIN}, {.fd = listener, .events = POLLIN}};;) {
    if (poll(on, 2, -1) < 0) continue;
    struct signalfd_siginfo arrived;
    if (on[0].revents != 0 && read(signals, &arrived, sizeof arrived) > 0) {
      pid_t all = is_family ? -child : child;
      if (arrived.ssi_signo == SIGTERM) kill(all, SIGTERM);
      if (arrived.ssi_signo == SIGUSR1) kill(all, SIGKILL);
    }
    siginfo_t ended = {0};
    int status;
    if (waitid(P_PID, child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == child) {
      /* Before its number is free for another process. */
      if (is_family) kill(-child, SIGKILL);
      if (waitpid(child, &status, WNOHANG) == child) return end_as(status);
    }
    if (on[1].revents & POLLIN) answer_socket();
    else if (on[1].revents != 0) on[1].fd = -1;
  }
}
