// UDP sockets of one thread behind one epoll set, for src/media/relay/batched-sockets.ts, which is the only user.
// The thread's libuv loop watches the set; all packets that have come go to JavaScript in one call, by shared buffers,
// and what they caused to be sent goes out in one call. Nothing is allocated for a packet. And the turns of such a thread, which
// Node cannot set. Linux alone; Node-API 8.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <node_api.h>

// What is needed of libuv, which Node itself holds and keeps stable within version 1: its headers come with no package.
typedef struct uv_loop_s uv_loop_t;
typedef void (*uv_poll_callback)(void *handle, int status, int events);
extern size_t uv_handle_size(int type);
extern int uv_poll_init(uv_loop_t *loop, void *handle, int fd);
extern int uv_poll_start(void *handle, int events, uv_poll_callback callback);
extern void uv_close(void *handle, void (*callback)(void *handle));
extern void uv_handle_set_data(void *handle, void *data);
extern void *uv_handle_get_data(const void *handle);
extern int uv_inet_ntop(int family, const void *source, char *text, size_t bytes);
extern int uv_inet_pton(int family, const char *text, void *address);
enum { UV_POLL = 8, UV_READABLE = 1 };

// Raised with every change of what JavaScript and this file share: a part that was built before it is not used.
enum { VERSION = 3 };

// The buffer shared with JavaScript, whose side of it is in batched-sockets.ts:
//   SLOTS receive slots of SLOT_BYTES, then as many that hold what is sent and was not received here. A slot holds the
//   largest datagram; memory is taken by what is touched of it alone. An odd number of cache lines keeps the slots' heads
//   from sharing the same few sets of the cache.
// The table, int32: for each received packet socket, length, whether its source differs from the socket's last; behind
// them for each packet to be sent socket, offset, length. Then, as float64, the arrival time of each received packet.
enum { SLOTS = 256, SLOT_BYTES = 65536 + 192, RECEIVED_WORDS = 3, SENT_WORDS = 3 };
enum { SENDS_AT = SLOTS * RECEIVED_WORDS, ARRIVAL_AT = SENDS_AT + SLOTS * SENT_WORDS, TABLE_WORDS = ARRIVAL_AT + 2 * SLOTS };

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

struct media_socket {
  int fd; // -1: closed
  socklen_t address_bytes;
  union address source;
  union address destination;
};

struct sockets {
  napi_env env;
  napi_async_context context;
  napi_ref on_batch;
  napi_ref resource;
  napi_async_cleanup_hook_handle cleanup;
  void *poll; // null once it is being closed
  int epoll;
  uint8_t *packets;
  int32_t *table;
  bool is_exact; // arrival times are the kernel's, of each packet
  struct media_socket *all;
  uint32_t count;
  // Indexes to be used again; those freed during a batch only after it, for its packets still name them.
  uint32_t *spare;
  uint32_t spares;
  uint32_t fresh_spares;
  double last_ms; // when it was read last
  uint32_t last_received;
  union address sources[SLOTS]; // of the packets in the slots
};

static void throw_code(napi_env env, const char *message) { napi_throw_error(env, "ERR_MEDIA_SOCKETS", message); }

static bool is_same_source(const union address *a, const union address *b) {
  if (a->any.sa_family != b->any.sa_family) return false;
  if (a->any.sa_family == AF_INET)
    return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
  return a->v6.sin6_port == b->v6.sin6_port &&
         memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

static double ms_of(const struct timespec *time) { return (double)time->tv_sec * 1e3 + (double)time->tv_nsec / 1e6; }

static double now_ms(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return ms_of(&now);
}

// One packet, and by the wall clock when it reached the socket (socket(7), SO_TIMESTAMPNS); that is left alone where the kernel
// does not say.
static ssize_t receive_exactly(int fd, uint8_t *slot, union address *source, double *wall_ms) {
  char control[CMSG_SPACE(sizeof(struct timespec))];
  struct iovec data = {.iov_base = slot, .iov_len = SLOT_BYTES};
  struct msghdr message = {.msg_name = &source->any,
                           .msg_namelen = sizeof *source,
                           .msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
  if (length < 0) return length;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
    struct timespec arrival;
    memcpy(&arrival, CMSG_DATA(part), sizeof arrival);
    *wall_ms = ms_of(&arrival);
  }
  return length;
}

// In rounds of one packet of each socket that has one, so that a flood at one port holds back no other, until none is left or
// the slots are full.
static uint32_t receive(struct sockets *self) {
  uint32_t received = 0;
  double exact_wall_ms[SLOTS];
  while (received < SLOTS) {
    struct epoll_event ready[SLOTS];
    int events = epoll_wait(self->epoll, ready, (int)(SLOTS - received), 0);
    if (events <= 0) break;
    for (int at = 0; at < events; at += 1) {
      uint32_t index = ready[at].data.u32;
      struct media_socket *socket = &self->all[index];
      if (socket->fd < 0) continue;
      union address *source = &self->sources[received];
      socklen_t bytes = sizeof *source;
      uint8_t *slot = self->packets + (size_t)received * SLOT_BYTES;
      exact_wall_ms[received] = 0;
      ssize_t length = self->is_exact
                           ? receive_exactly(socket->fd, slot, source, &exact_wall_ms[received])
                           : recvfrom(socket->fd, slot, SLOT_BYTES, MSG_DONTWAIT, &source->any, &bytes);
      if (length < 0) continue;
      int32_t *entry = self->table + received * RECEIVED_WORDS;
      entry[0] = (int32_t)index;
      entry[1] = (int32_t)length;
      entry[2] = !is_same_source(source, &socket->source);
      if (entry[2]) socket->source = *source;
      received += 1;
    }
  }
  double arrival_ms = now_ms(CLOCK_MONOTONIC);
  self->last_ms = arrival_ms;
  double wall_ms = self->is_exact ? now_ms(CLOCK_REALTIME) : 0;
  for (uint32_t at = 0; at < received; at += 1) {
    double waited_ms = exact_wall_ms[at] > 0 ? wall_ms - exact_wall_ms[at] : 0;
    double packet_ms = arrival_ms - waited_ms;
    memcpy(self->table + ARRIVAL_AT + 2 * at, &packet_ms, sizeof packet_ms);
  }
  return received;
}

static const double PAUSE_MS = 0.75;
static const double NEAR_MS = 1.5;
// So often in a row what came meanwhile is read without asking libuv, which has timers and messages to see to.
enum { ROUNDS = 4 };

// A thread that has a turn as soon as a packet comes is woken for each, and that costs more than to relay it: who goes before the
// others always has, another one while a core is free. Where batches come closer than NEAR_MS, and no more at a time than it can take,
// it sleeps a little after each, so that more packets come meanwhile; nobody wakes it then. Who asks for exact arrivals measures, and
// is not to be in the way of what it measures. Whether it slept.
static bool let_come(const struct sockets *self, double since_last_ms) {
  if (self->is_exact || self->last_received >= SLOTS / 2 || since_last_ms > NEAR_MS) return false;
  double pause_ms = self->last_ms + PAUSE_MS - now_ms(CLOCK_MONOTONIC);
  if (pause_ms <= 0 || pause_ms > PAUSE_MS) return false;
  struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)(pause_ms * 1e6)};
  nanosleep(&pause, NULL);
  return true;
}

// Whether more may have come since.
static bool hand_over(struct sockets *self) {
  self->spares += self->fresh_spares;
  self->fresh_spares = 0;
  double before_ms = self->last_ms;
  uint32_t received = receive(self);
  self->last_received = received;
  if (received == 0) return false;
  napi_env env = self->env;
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value callback, resource, count, result;
  napi_get_reference_value(env, self->on_batch, &callback);
  napi_get_reference_value(env, self->resource, &resource);
  napi_create_uint32(env, received, &count);
  if (napi_make_callback(env, self->context, resource, callback, 1, &count, &result) == napi_pending_exception) {
    napi_value error;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
  return let_come(self, self->last_ms - before_ms);
}

static void on_readable(void *handle, int status, int events) {
  (void)status;
  (void)events;
  struct sockets *self = uv_handle_get_data(handle);
  if (self == NULL) return;
  // JavaScript may close the set in each round.
  for (int round = 0; round < ROUNDS && self->poll != NULL && hand_over(self); round += 1) continue;
}

static void close_all(struct sockets *self) {
  for (uint32_t index = 0; index < self->count; index += 1) {
    if (self->all[index].fd >= 0) close(self->all[index].fd);
    self->all[index].fd = -1;
  }
  if (self->epoll >= 0) close(self->epoll);
  self->epoll = -1;
}

static void on_poll_closed(void *handle) {
  struct sockets *self = uv_handle_get_data(handle);
  free(handle);
  close_all(self);
  if (self->cleanup != NULL) napi_remove_async_cleanup_hook(self->cleanup);
}

static void begin_close(struct sockets *self) {
  if (self->poll == NULL) return;
  void *handle = self->poll;
  self->poll = NULL;
  uv_close(handle, on_poll_closed);
}

// The thread ends, perhaps by force: the loop must be rid of the handle before it goes.
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  // A set that is closing already removes the hook when it is closed, a closed one has removed it.
  begin_close(data);
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct sockets *self = data;
  free(self->all);
  free(self->spare);
  free(self);
}

static struct sockets *self_of(napi_env env, napi_value value) {
  void *self = NULL;
  if (napi_get_value_external(env, value, &self) != napi_ok) throw_code(env, "not a set of sockets");
  return self;
}

// open(packets: Uint8Array, table: Int32Array, onBatch: (count) => void, isExact: boolean): the set
static napi_value open_sockets(napi_env env, napi_callback_info info) {
  size_t argc = 4;
  napi_value argv[4], result, name;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  void *packets, *table;
  size_t packet_bytes, table_words;
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, argv[0], &type, &packet_bytes, &packets, NULL, NULL) != napi_ok ||
      packet_bytes < 2 * SLOTS * SLOT_BYTES ||
      napi_get_typedarray_info(env, argv[1], &type, &table_words, &table, NULL, NULL) != napi_ok ||
      type != napi_int32_array || table_words < TABLE_WORDS) {
    throw_code(env, "the buffers do not fit");
    return NULL;
  }
  uv_loop_t *loop;
  napi_get_uv_event_loop(env, &loop);
  struct sockets *self = calloc(1, sizeof *self);
  void *poll = calloc(1, uv_handle_size(UV_POLL));
  self->env = env;
  self->packets = packets;
  self->table = table;
  napi_get_value_bool(env, argv[3], &self->is_exact);
  self->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (self->epoll < 0 || uv_poll_init(loop, poll, self->epoll) != 0) {
    if (self->epoll >= 0) close(self->epoll);
    free(poll);
    free(self);
    throw_code(env, "no epoll set");
    return NULL;
  }
  self->poll = poll;
  uv_handle_set_data(poll, self);
  uv_poll_start(poll, UV_READABLE, on_readable);
  napi_create_reference(env, argv[2], 1, &self->on_batch);
  napi_value resource;
  napi_create_object(env, &resource);
  // The buffers live as long as the set does.
  napi_set_named_property(env, resource, "packets", argv[0]);
  napi_set_named_property(env, resource, "table", argv[1]);
  napi_create_reference(env, resource, 1, &self->resource);
  napi_create_string_utf8(env, "MediaSockets", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, resource, name, &self->context);
  napi_add_async_cleanup_hook(env, on_cleanup, self, &self->cleanup);
  napi_create_external(env, self, finalize, NULL, &result);
  // The loop knows of the set for as long as the thread lives: so does the collector.
  napi_set_named_property(env, resource, "set", result);
  return result;
}

static bool parse_address(napi_env env, napi_value text, napi_value port, union address *address, socklen_t *bytes) {
  char spelled[64];
  size_t length;
  uint32_t number;
  if (napi_get_value_string_utf8(env, text, spelled, sizeof spelled, &length) != napi_ok ||
      napi_get_value_uint32(env, port, &number) != napi_ok)
    return false;
  memset(address, 0, sizeof *address);
  if (uv_inet_pton(AF_INET, spelled, &address->v4.sin_addr) == 0) {
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = htons((uint16_t)number);
    *bytes = sizeof address->v4;
    return true;
  }
  if (uv_inet_pton(AF_INET6, spelled, &address->v6.sin6_addr) != 0) return false;
  address->v6.sin6_family = AF_INET6;
  address->v6.sin6_port = htons((uint16_t)number);
  *bytes = sizeof address->v6;
  return true;
}

static bool take_index(struct sockets *self, uint32_t *index) {
  if (self->spares > 0) {
    self->spares -= 1;
    *index = self->spare[self->spares];
    // Those freed in this batch move down into the gap, so that they stay behind the others.
    memmove(self->spare + self->spares, self->spare + self->spares + 1, self->fresh_spares * sizeof *self->spare);
    return true;
  }
  if ((self->count & (self->count - 1)) == 0) {
    uint32_t room = self->count == 0 ? 1 : self->count * 2;
    struct media_socket *all = realloc(self->all, room * sizeof *all);
    if (all == NULL) return false;
    self->all = all;
    uint32_t *spare = realloc(self->spare, room * sizeof *spare);
    if (spare == NULL) return false;
    self->spare = spare;
  }
  *index = self->count;
  self->count += 1;
  return true;
}

static napi_value number_of(napi_env env, int32_t value) {
  napi_value number;
  napi_create_int32(env, value, &number);
  return number;
}

// RFC 2474 §3: the upper six bits of the octet that was the type of service; a negative DSCP leaves it alone.
static bool mark(int fd, sa_family_t family, int32_t dscp) {
  int octet = dscp << 2;
  if (dscp < 0) return true;
  if (family == AF_INET6) return setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &octet, sizeof octet) == 0;
  return setsockopt(fd, IPPROTO_IP, IP_TOS, &octet, sizeof octet) == 0;
}

// bind(set, address, port, receiveBufferBytes, dscp): its index, or minus an errno
static napi_value bind_socket(napi_env env, napi_callback_info info) {
  size_t argc = 5;
  napi_value argv[5];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  struct sockets *self = self_of(env, argv[0]);
  if (self == NULL) return NULL;
  union address local;
  socklen_t bytes;
  if (self->poll == NULL || !parse_address(env, argv[1], argv[2], &local, &bytes)) return number_of(env, -EINVAL);
  int fd = socket(local.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return number_of(env, -errno);
  int on = 1;
  int32_t receive_bytes = 0;
  napi_get_value_int32(env, argv[3], &receive_bytes);
  int32_t dscp = -1;
  napi_get_value_int32(env, argv[4], &dscp);
  uint32_t index = 0;
  if ((local.any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
      (receive_bytes > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes) != 0) ||
      (self->is_exact && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) ||
      !mark(fd, local.any.sa_family, dscp) || bind(fd, &local.any, bytes) != 0 || !take_index(self, &index)) {
    int error = errno;
    close(fd);
    return number_of(env, -error);
  }
  struct media_socket *made = &self->all[index];
  memset(made, 0, sizeof *made);
  made->fd = fd;
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
  if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    int error = errno;
    close(fd);
    made->fd = -1;
    self->spare[self->spares + self->fresh_spares++] = index;
    return number_of(env, -error);
  }
  return number_of(env, (int32_t)index);
}

static struct media_socket *socket_of(napi_env env, struct sockets *self, napi_value value, uint32_t *index) {
  if (self == NULL || napi_get_value_uint32(env, value, index) != napi_ok || *index >= self->count) return NULL;
  return self->all[*index].fd < 0 ? NULL : &self->all[*index];
}

// closeSocket(set, index)
static napi_value close_socket(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  struct sockets *self = self_of(env, argv[0]);
  uint32_t index;
  struct media_socket *socket = socket_of(env, self, argv[1], &index);
  if (socket == NULL) return NULL;
  close(socket->fd);
  socket->fd = -1;
  self->spare[self->spares + self->fresh_spares++] = index;
  return NULL;
}

// destination(set, index, address, port): whether packets of the socket go there from now on
static napi_value set_destination(napi_env env, napi_callback_info info) {
  size_t argc = 4;
  napi_value argv[4], result;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  uint32_t index;
  struct media_socket *socket = socket_of(env, self_of(env, argv[0]), argv[1], &index);
  bool is_set = socket != NULL && parse_address(env, argv[2], argv[3], &socket->destination, &socket->address_bytes);
  napi_get_boolean(env, is_set, &result);
  return result;
}

// source(set, slot): [address, port] of the batch's packet there
static napi_value source_of(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2], result, value;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  uint32_t slot;
  struct sockets *self = self_of(env, argv[0]);
  if (self == NULL || napi_get_value_uint32(env, argv[1], &slot) != napi_ok || slot >= SLOTS) return NULL;
  const union address *source = &self->sources[slot];
  char text[INET6_ADDRSTRLEN];
  bool is_v4 = source->any.sa_family == AF_INET;
  const void *octets = is_v4 ? (const void *)&source->v4.sin_addr : (const void *)&source->v6.sin6_addr;
  if (uv_inet_ntop(is_v4 ? AF_INET : AF_INET6, octets, text, sizeof text) != 0) return NULL;
  napi_create_array_with_length(env, 2, &result);
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  napi_set_element(env, result, 0, value);
  napi_create_uint32(env, ntohs(is_v4 ? source->v4.sin_port : source->v6.sin6_port), &value);
  napi_set_element(env, result, 1, value);
  return result;
}

// send(set, count): how many of the table's packets did not leave; their sockets stand first in the table then
static napi_value send_packets(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  struct sockets *self = self_of(env, argv[0]);
  uint32_t count = 0;
  if (self == NULL || napi_get_value_uint32(env, argv[1], &count) != napi_ok || count > SLOTS) return NULL;
  int32_t failed = 0;
  int32_t *sends = self->table + SENDS_AT;
  for (uint32_t at = 0; at < count; at += 1) {
    const int32_t *entry = sends + at * SENT_WORDS;
    uint32_t index = (uint32_t)entry[0];
    uint32_t offset = (uint32_t)entry[1];
    uint32_t length = (uint32_t)entry[2];
    if (index >= self->count || length > SLOT_BYTES || offset > 2 * SLOTS * SLOT_BYTES - length) continue;
    struct media_socket *socket = &self->all[index];
    if (socket->fd < 0) continue;
    ssize_t sent = sendto(socket->fd, self->packets + offset, length, MSG_DONTWAIT | MSG_NOSIGNAL,
                          &socket->destination.any, socket->address_bytes);
    // The entry was read: its place, or one before it, takes the socket that failed.
    if (sent < 0) sends[failed++] = (int32_t)index;
  }
  return number_of(env, failed);
}

// lost(set, index): packets that the kernel dropped because the socket's receive buffer was full
static napi_value lost_of(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  uint32_t index;
  struct media_socket *socket = socket_of(env, self_of(env, argv[0]), argv[1], &index);
  // linux/sock_diag.h: SK_MEMINFO_DROPS is the ninth word.
  uint32_t words[16] = {0};
  socklen_t bytes = sizeof words;
  if (socket == NULL || getsockopt(socket->fd, SOL_SOCKET, SO_MEMINFO, words, &bytes) != 0) return number_of(env, 0);
  return number_of(env, (int32_t)(words[8] & 0x7fffffff));
}

// close(set): idempotent
static napi_value close_sockets(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  struct sockets *self = self_of(env, argv[0]);
  if (self != NULL) begin_close(self);
  return NULL;
}

// Of the kernel's struct sched_attr (sched_setattr(2)), which older headers lack and newer ones name, what its first version has.
struct turns {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime_ns; // of a thread that is not real-time: how long its turns are, from Linux 6.12 on
  uint64_t deadline_ns;
  uint64_t period_ns;
};
enum { SHORT_TURN_NS = 100000 };

// precede(): 2 when the calling thread goes before all that are not real-time from now on; else 1 when its turns became short,
// for who has short turns need not wait until another's is over; else 0.
static napi_value precede(napi_env env, napi_callback_info info) {
  (void)info;
  // The lowest real-time priority; not for threads that this one may start. The kernel leaves the others a part of each second.
  struct sched_param lowest = {.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) == 0) return number_of(env, 2);
  struct turns turns = {.size = sizeof turns,
                        .policy = SCHED_OTHER,
                        .nice = getpriority(PRIO_PROCESS, 0),
                        .runtime_ns = SHORT_TURN_NS};
  return number_of(env, syscall(SYS_sched_setattr, 0, &turns, 0) == 0 ? 1 : 0);
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"open", NULL, open_sockets, NULL, NULL, NULL, napi_default, NULL},
      {"bind", NULL, bind_socket, NULL, NULL, NULL, napi_default, NULL},
      {"closeSocket", NULL, close_socket, NULL, NULL, NULL, napi_default, NULL},
      {"destination", NULL, set_destination, NULL, NULL, NULL, napi_default, NULL},
      {"source", NULL, source_of, NULL, NULL, NULL, napi_default, NULL},
      {"send", NULL, send_packets, NULL, NULL, NULL, napi_default, NULL},
      {"lost", NULL, lost_of, NULL, NULL, NULL, napi_default, NULL},
      {"close", NULL, close_sockets, NULL, NULL, NULL, napi_default, NULL},
      {"precede", NULL, precede, NULL, NULL, NULL, napi_default, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  napi_set_named_property(env, exports, "version", number_of(env, VERSION));
  return exports;
}
