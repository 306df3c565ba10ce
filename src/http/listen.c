/* listen.c - a listening TCP socket from text. */
#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/number.h"

/* Clipped by the kernel to what it allows. */
#define BACKLOG 4096

static void
close_auto(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* Hand a descriptor to somebody else. */
static int
steal(int *fd)
{
	int stolen = *fd;
	*fd = -1;
	return stolen;
}

static void
addresses_free_auto(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

static enum asof_status
no_address(const char *text, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_INVALID,
			 "listen address '%s' is not of the form host:port, [ipv6]:port or :port",
			 text);
}

/* Split off and check the port; *ret_host is without brackets. */
static enum asof_status
split(const char *text, struct asof_str *ret_host, const char **ret_port, struct asof_error *err)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;
	if (!colon || !asof_uint64_parse(asof_str_from(colon + 1), &port) || port > UINT16_MAX)
		return no_address(text, err);

	struct asof_str host = { text, (size_t)(colon - text) };
	bool is_bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	if (is_bracketed)
		host = (struct asof_str){ host.ptr + 1, host.len - 2 };
	else if (host.len > 0 && memchr(host.ptr, ':', host.len))
		return no_address(text, err);
	*ret_host = host;
	*ret_port = colon + 1;
	return ASOF_OK;
}

static enum asof_status
resolve(const char *text, struct addrinfo **ret_list, struct asof_error *err)
{
	char name[256];
	struct asof_str host;
	const char *port;
	ASOF_TRY(split(text, &host, &port, err));
	if (host.len >= sizeof(name))
		return no_address(text, err);
	if (host.len > 0)
		memcpy(name, host.ptr, host.len);
	name[host.len] = '\0';

	const struct addrinfo hints = {
		.ai_family = host.len > 0 ? AF_UNSPEC : AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	int rc = getaddrinfo(host.len > 0 ? name : NULL, port, &hints, ret_list);
	if (rc != 0)
		return ASOF_FAIL(err, ASOF_INVALID, "listen address '%s': %s", text,
				 gai_strerror(rc));
	return ASOF_OK;
}

static enum asof_status
open_socket(const char *text, const struct addrinfo *info, int *ret_fd, struct asof_error *err)
{
	int on = 1;
	ASOF_AUTO(close_auto)
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool is_open = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		       bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
	if (!is_open)
		return ASOF_FAIL(err, ASOF_IO, "listen on '%s': %s", text, strerror(errno));
	*ret_fd = steal(&fd);
	return ASOF_OK;
}

static bool
is_loopback(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, address, sizeof(v4));
		return ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	struct sockaddr_in6 v6;
	memcpy(&v6, address, sizeof(v6));
	const struct in6_addr *ip = &v6.sin6_addr;
	return address->ss_family == AF_INET6 &&
	       (IN6_IS_ADDR_LOOPBACK(ip) ||
		(IN6_IS_ADDR_V4MAPPED(ip) && ip->s6_addr[12] == IN_LOOPBACKNET));
}

static enum asof_status
describe(const char *text, struct asof_listener *listener, struct asof_error *err)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char port[16];
	uint64_t number = 0;
	bool is_known = getsockname(listener->fd, (struct sockaddr *)&address, &len) == 0 &&
			getnameinfo((struct sockaddr *)&address, len, listener->address,
				    sizeof(listener->address), port, sizeof(port),
				    NI_NUMERICHOST | NI_NUMERICSERV) == 0 &&
			asof_uint64_parse(asof_str_from(port), &number);
	if (!is_known)
		return ASOF_FAIL(err, ASOF_IO, "listen on '%s': its own address is unknown", text);
	listener->port = (uint16_t)number;
	listener->is_loopback = is_loopback(&address);
	return ASOF_OK;
}

enum asof_status
asof_listen(const char *text, struct asof_listener *ret_listener, struct asof_error *err)
{
	ASOF_AUTO(addresses_free_auto) struct addrinfo *list = NULL;
	ASOF_TRY(resolve(text, &list, err));
	ASOF_AUTO(close_auto) int fd = -1;
	enum asof_status status = ASOF_IO;
	for (const struct addrinfo *info = list; info && status != ASOF_OK; info = info->ai_next)
		status = open_socket(text, info, &fd, err);
	ASOF_TRY(status);

	struct asof_listener listener = { .fd = fd };
	ASOF_TRY(describe(text, &listener, err));
	*ret_listener = listener;
	(void)steal(&fd);
	return ASOF_OK;
}
