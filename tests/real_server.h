/* real_server.h - a real server of a test's own: a private port of 127.0.0.1 and a private
 * directory. */
#ifndef ASOF_TESTS_REAL_SERVER_H
#define ASOF_TESTS_REAL_SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tempdir.h"

#define SERVER_WAIT_MS 60000
#define SERVER_ABSENT  77 /* what a script of tests/servers exits with where it cannot be had */

struct server {
	pid_t pid;
	int port;
	char dir[TEMPDIR_MAX];
};

/* A port that nobody listens on now. */
static inline int
server_free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)close(fd);
	return ntohs(address.sin_port);
}

static inline bool
server_answers(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_there = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	(void)close(fd);
	return is_there;
}

static inline void
server_pause(long ms)
{
	struct timespec rest = { ms / 1000, ms % 1000 * 1000000 };
	(void)nanosleep(&rest, NULL);
}

/* False where it ends before it answers; its exit status is in *ret_status. */
static inline bool
server_wait(struct server *server, int *ret_status)
{
	for (long ms = 0; ms < SERVER_WAIT_MS; ms += 50) {
		if (waitpid(server->pid, ret_status, WNOHANG) == server->pid)
			return false;
		if (server_answers(server->port))
			return true;
		server_pause(50);
	}
	*ret_status = 1;
	return false;
}

/* In a child: it ends when the thread that started it does, also where that is killed. */
static inline void
server_end_with(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
}

static inline void
server_run(struct server *server, const char *script)
{
	pid_t parent = getpid();
	char path[4096];
	char port[16];
	char log[TEMPDIR_MAX + 16];
	const char *root = getenv("ASOF_SOURCE_DIR");
	(void)snprintf(path, sizeof(path), "%s/tests/servers/%s.sh", root ? root : ".", script);
	(void)snprintf(port, sizeof(port), "%d", server->port);
	(void)snprintf(log, sizeof(log), "%s/log", server->dir);
	server->pid = fork();
	if (server->pid != 0)
		return;
	server_end_with(parent);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)setpgid(0, 0); /* so that what it starts ends with it */
	(void)dup2(fd, 1);
	(void)dup2(fd, 2);
	(void)execl("/bin/sh", "sh", path, server->dir, port, (char *)NULL);
	_exit(127);
}

/* Start tests/servers/<script>.sh DIR PORT, which becomes the server. False where it cannot be had:
 * the test says so and is skipped. */
static inline bool
server_start(struct server *server, const char *script)
{
	int status = 0;
	tempdir_make(server->dir);
	server->port = server_free_port();
	server_run(server, script);
	assert_true(server->pid > 0);
	if (server_wait(server, &status))
		return true;
	bool is_absent = WIFEXITED(status) && WEXITSTATUS(status) == SERVER_ABSENT;
	if (!is_absent)
		fail_msg("server '%s' does not start: see %s/log", script, server->dir);
	server->pid = 0;
	(void)fprintf(stderr, "\nSKIPPED: no server '%s' on this machine (scripts/servers.sh)\n",
		      script);
	tempdir_remove(server->dir);
	return false;
}

static inline void
server_signal(struct server *server, int signal_number)
{
	assert_int_equal(kill(-server->pid, signal_number), 0);
	if (signal_number == SIGKILL)
		assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
}

/* Start it again after a SIGKILL, on the same port and directory. */
static inline void
server_restart(struct server *server, const char *script)
{
	int status = 0;
	server_run(server, script);
	assert_true(server_wait(server, &status));
}

static inline void
server_stop(struct server *server)
{
	if (server->pid <= 0)
		return;
	server_signal(server, SIGKILL);
	server->pid = 0;
	tempdir_remove(server->dir);
}

#endif
