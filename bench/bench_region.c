/* SPDX-License-Identifier: MIT */
/*
 * One access of a guest through a region, simulated: look-up, turn, command,
 * the device's answer, and back. The device takes each command and answers it
 * at once. The peer moves the same bytes over a real socket pair in one thread,
 * which is what a simulation by real descriptors would cost at least.
 *
 * Rows: what, ns of the model, ns of the peer, ratio; medians of batches in
 * turns. "checked" has the checker told of everything, its books compared once
 * a batch.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/measure.h"
#include "ioregion/iocheck.h"

enum { BATCHES = 9, ACCESSES = 20000, BASE = 0x10000, POSTED = 0x20000 };

static struct vmc_bus *bus;
static struct vmc_iofiles files;
static struct vmc_regions *regions;
static struct vmc_socket sockets[2];
static struct vmc_region_vcpu vcpu;
static struct vmc_iocheck check;
static int pair[2];

static void require(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "bench_region: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static void add(uint64_t addr, uint32_t flags, struct vmc_socket *socket)
{
    int fd;

    vmc_socket_init(socket, VMC_SOCKET_STREAM);
    fd = vmc_iofile_open_socket(&files, socket);
    require(vmc_region_set(regions,
                           &(struct vmc_kvm_ioregion){.guest_paddr = addr,
                                                      .memory_size = 0x1000,
                                                      .read_fd = fd,
                                                      .write_fd = fd,
                                                      .flags = flags},
                           0) == 0,
            "no region");
}

static void set_up(void)
{
    struct vmc_bus_config bus_config = vmc_bus_defaults();
    struct vmc_regions_config config = vmc_regions_defaults();

    vmc_iofiles_init(&files);
    require(vmc_bus_new(&bus, &bus_config) == VMC_OK &&
                vmc_regions_new(&regions, bus, &files, &config) == VMC_OK &&
                socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0,
            "no memory");
    add(BASE, 0, &sockets[0]);
    add(POSTED, VMC_REGION_POSTED_WRITES, &sockets[1]);
    vmc_region_vcpu_init(&vcpu, regions, 0,
                         &(struct vmc_region_vcpu_config){0});
}

static void begin(uint64_t addr, bool is_write)
{
    vmc_region_vcpu_access(
        &vcpu,
        &(struct vmc_region_access){
            .bus = VMC_BUS_MMIO, .addr = addr, .len = 4, .is_write = is_write});
}

static void take(uint32_t at)
{
    uint8_t bytes[32];

    require(vmc_socket_read(&sockets[at], VMC_SOCKET_DEVICE, bytes, 32) == 32,
            "no command");
    if (regions->checker != NULL) {
        vmc_iocheck_received(&check, (int32_t)at, bytes);
    }
}

static void model_read(void)
{
    static const uint8_t answer[32] = {42};

    begin(BASE + 8, false);
    require(vmc_region_vcpu_run(&vcpu, 0) == VMC_REGION_RUN_WAIT, "no wait");
    take(0);
    vmc_socket_write(&sockets[0], VMC_SOCKET_DEVICE, answer, 32, false);
    require(vmc_region_vcpu_run(&vcpu, 0) == VMC_REGION_RUN_DONE, "not done");
}

static void model_posted(void)
{
    begin(POSTED + 8, true);
    require(vmc_region_vcpu_run(&vcpu, 0) == VMC_REGION_RUN_DONE, "not done");
    take(1);
}

static void move(int from, int to)
{
    uint8_t bytes[32] = {0};

    require(write(from, bytes, 32) == 32 && read(to, bytes, 32) == 32,
            "no bytes");
}

static void peer_read(void)
{
    move(pair[0], pair[1]);
    move(pair[1], pair[0]);
}

static void peer_posted(void)
{
    move(pair[0], pair[1]);
}

static double time_of(void (*access)(void))
{
    double start = bench_seconds();

    for (int i = 0; i < ACCESSES; i++) {
        access();
    }
    return (bench_seconds() - start) * 1e9 / ACCESSES;
}

int main(void)
{
    static const struct {
        const char *what;
        void (*model)(void), (*peer)(void);
        bool is_checked;
    } rows[] = {{"read", model_read, peer_read, false},
                {"posted write", model_posted, peer_posted, false},
                {"read, checked", model_read, peer_read, true}};

    set_up();
    printf("%-16s %10s %10s %8s\n", "access", "model ns", "peer ns", "ratio");
    for (size_t i = 0; i < VMC_COUNT_OF(rows); i++) {
        double model[BATCHES], peer[BATCHES];

        regions->checker = rows[i].is_checked ? &check : NULL;
        for (int batch = 0; batch < BATCHES; batch++) {
            model[batch] = time_of(rows[i].model);
            peer[batch] = time_of(rows[i].peer);
            if (rows[i].is_checked) {
                require(vmc_iocheck_books(&check, regions) == NULL, "books");
            }
        }
        printf("%-16s %10.1f %10.1f %8.3f\n", rows[i].what,
               bench_median(model, BATCHES), bench_median(peer, BATCHES),
               bench_median(model, BATCHES) / bench_median(peer, BATCHES));
    }
    close(pair[0]);
    close(pair[1]);
    vmc_bus_free(bus);
    vmc_regions_free(regions);
    return EXIT_SUCCESS;
}
