/*
 * Loaded by LD_PRELOAD: takes every call that changes what is on disk below one folder, one at a
 * time, and kills the process at one of them, or writes them down. EVERLOOP_SHIM_…
 *   DIR: the folder, as realpath writes it; "-shm" files are memory and left out
 *   KILL: kill the whole process at the n-th call; AFTER, when set: after it instead of before
 *   LOG: append a record for each call that succeeded; recording.ts reads it
 *   MARKS: a file outside the folder: what is written to it is logged among the calls
 * A record is "<op> <offset or size> <length of data> <path>\n", the data, "\n". Ops: W write,
 * T truncate, S sync of a file or folder, C file created, U unlinked, R renamed (data: the new
 * path), D folder made, X folder removed, M mark.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder, *marks;
static long calls, kill_at, kill_after, log_fd = -1;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
  const char *n = getenv("EVERLOOP_SHIM_KILL"), *log = getenv("EVERLOOP_SHIM_LOG");
  kill_at = n ? atol(n) : 0;
  kill_after = getenv("EVERLOOP_SHIM_AFTER") != NULL;
  marks = getenv("EVERLOOP_SHIM_MARKS");
  if (log) log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  folder = getenv("EVERLOOP_SHIM_DIR"); /* last: nothing is watched before it is set */
}

static void die(void) { for (;;) kill(getpid(), SIGKILL), pause(); } /* all threads */
static int watched(const char *path) {
  size_t n = folder ? strlen(folder) : 0, size = strlen(path);
  if (n == 0 || strncmp(path, folder, n) != 0 || (path[n] != '/' && path[n] != 0)) return 0;
  return size < 4 || strcmp(path + size - 4, "-shm") != 0;
}
/* Finds the path behind a descriptor. An unlinked file's ends in " (deleted)" and counts as nothing. */
static int watched_fd(int fd, char *path) {
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = folder ? readlink(link, path, PATH_MAX - 1) : 0;
  path[n < 0 ? 0 : n] = 0;
  return (n < 11 || strcmp(path + n - 10, " (deleted)") != 0) && watched(path);
}

#define REAL(TYPE, NAME, ...) static TYPE (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, NAME)
static void put(const void *data, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t);
  for (ssize_t n; size > 0; data = (const char *)data + n, size -= (size_t)n)
    if ((n = real((int)log_fd, data, size)) < 0) abort();
}
static void record(char op, long long at, const char *path, const void *data, size_t size) {
  char head[PATH_MAX + 64];
  if (log_fd < 0) return;
  put(head, (size_t)snprintf(head, sizeof head, "%c %lld %zu %s\n", op, at, size, path));
  put(data, size), put("\n", 1);
}

/* Executes a call in its turn. DONE says whether it changed anything. */
#define TURN(TYPE, CALL, DONE, OP, AT, PATH, DATA, SIZE) do { pthread_mutex_lock(&turn); \
  if (++calls == kill_at && !kill_after) die(); \
  TYPE done = CALL; int error = errno; \
  if (DONE) record(OP, (long long)(AT), PATH, DATA, SIZE); \
  if (calls == kill_at) die(); \
  pthread_mutex_unlock(&turn); errno = error; return done; } while (0)

#define PWRITE(NAME) ssize_t NAME(int fd, const void *data, size_t size, off_t at) { \
  REAL(ssize_t, #NAME, int, const void *, size_t, off_t); char path[PATH_MAX]; \
  if (watched_fd(fd, path)) TURN(ssize_t, real(fd, data, size, at), done > 0, 'W', at, path, data, (size_t)done); \
  return real(fd, data, size, at); }
#define TRUNCATE(NAME) int NAME(int fd, off_t size) { \
  REAL(int, #NAME, int, off_t); char path[PATH_MAX]; \
  if (watched_fd(fd, path)) TURN(int, real(fd, size), done == 0, 'T', size, path, "", 0); else return real(fd, size); }
#define SYNC(NAME) int NAME(int fd) { REAL(int, #NAME, int); char path[PATH_MAX]; \
  if (watched_fd(fd, path)) TURN(int, real(fd), done == 0, 'S', 0, path, "", 0); else return real(fd); }
#define REMOVE(NAME, OP) int NAME(const char *path) { REAL(int, #NAME, const char *); \
  if (watched(path)) TURN(int, real(path), done == 0, OP, 0, path, "", 0); else return real(path); }
#define OPEN(NAME) int NAME(const char *path, int flags, ...) { \
  REAL(int, #NAME, const char *, int, ...); va_list rest; va_start(rest, flags); \
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; va_end(rest); \
  if ((flags & O_CREAT) && watched(path) && access(path, F_OK) != 0) \
    TURN(int, real(path, flags, mode), done >= 0, 'C', 0, path, "", 0); \
  return real(path, flags, mode); }

PWRITE(pwrite) PWRITE(pwrite64) TRUNCATE(ftruncate) TRUNCATE(ftruncate64) SYNC(fsync) SYNC(fdatasync)
REMOVE(unlink, 'U') REMOVE(remove, 'U') REMOVE(rmdir, 'X') OPEN(open) OPEN(open64)

ssize_t write(int fd, const void *data, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t); char path[PATH_MAX];
  if (watched_fd(fd, path))
    TURN(ssize_t, real(fd, data, size), done > 0, 'W', lseek(fd, 0, SEEK_CUR) - done, path, data, (size_t)done);
  if (!folder || !marks || strcmp(path, marks) != 0) return real(fd, data, size);
  pthread_mutex_lock(&turn);
  ssize_t done = real(fd, data, size);
  record('M', 0, path, data, size), pthread_mutex_unlock(&turn); return done;
}
int mkdir(const char *path, mode_t mode) {
  REAL(int, "mkdir", const char *, mode_t);
  if (watched(path)) TURN(int, real(path, mode), done == 0, 'D', 0, path, "", 0);
  return real(path, mode);
}
int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  if (watched(from)) TURN(int, real(from, to), done == 0, 'R', 0, from, to, strlen(to));
  return real(from, to);
}
int unlinkat(int at, const char *name, int flags) {
  REAL(int, "unlinkat", int, const char *, int); char path[PATH_MAX * 2], base[PATH_MAX] = "";
  if (at != AT_FDCWD) watched_fd(at, base);
  snprintf(path, sizeof path, "%s%s%s", base, *base ? "/" : "", name);
  if (watched(path)) TURN(int, real(at, name, flags), done == 0, flags & AT_REMOVEDIR ? 'X' : 'U', 0, path, "", 0);
  return real(at, name, flags);
}
