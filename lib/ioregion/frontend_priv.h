/* SPDX-License-Identifier: MIT */
/** frontend_priv.h - what the front ends of all architectures share. */
#ifndef VMC_IOREGION_FRONTEND_PRIV_H
#define VMC_IOREGION_FRONTEND_PRIV_H

#include "ioregion/frontend.h"

/** The slot that holds @gpa, or NULL. */
const struct vmc_front_slot *vmc_front_slot_at(const struct vmc_front *front,
                                               uint64_t gpa);

/**
 * Serve @len bytes at @gpa, within a page, from guest memory.
 * Returns  false when no slot does: none is there, or it cannot be written.
 */
bool vmc_front_ram(struct vmc_front *front, uint64_t gpa, uint8_t *data,
                   uint32_t len, bool is_write);

/** Offer @access to the device in front of the bus, then to the bus. */
int vmc_front_offer(struct vmc_front *front, enum vmc_bus_index index,
                    struct vmc_bus_access *access, bool is_write);

/** True when the result of an offer means: return to user space, and again. */
bool vmc_front_is_interrupted(const struct vmc_front *front, int result);

/** Say that a signal interrupted a handler. Returns -EINTR. */
int vmc_front_interrupt(struct vmc_front_vcpu *vcpu,
                        enum vmc_front_pending pending);

/** Emit an event. */
void vmc_front_emit(struct vmc_front *front, struct vmc_front_event event);

/** Emit an MMIO event whose value is the first 8 of @len bytes. */
void vmc_front_emit_mmio(struct vmc_front *front, uint32_t vcpu,
                         enum vmc_front_event_kind kind, uint64_t gpa,
                         uint32_t len, const uint8_t *data);

/** Emit the return to user space if @result is one. Returns @result. */
int vmc_front_return(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                     int result);

/** Fill an MMIO exit. @data is NULL for a load. Returns VMC_FRONT_EXIT. */
int vmc_front_exit_mmio(struct vmc_front *front, struct vmc_front_vcpu *vcpu,
                        uint64_t gpa, uint32_t len, const uint8_t *data);

/** The parts of vmc_front_run(): finish, and go on, what is pending. */
int vmc_front_x86_complete(struct vmc_front *front,
                           struct vmc_front_vcpu *vcpu);
int vmc_front_x86_again(struct vmc_front *front, struct vmc_front_vcpu *vcpu);
void vmc_front_pio_complete(struct vmc_front *front,
                            struct vmc_front_vcpu *vcpu);
int vmc_front_pio_again(struct vmc_front *front, struct vmc_front_vcpu *vcpu);
int vmc_front_pio_go_on(struct vmc_front *front, struct vmc_front_vcpu *vcpu);
void vmc_front_arm64_complete(struct vmc_front *front,
                              struct vmc_front_vcpu *vcpu);
int vmc_front_arm64_again(struct vmc_front *front, struct vmc_front_vcpu *vcpu);
void vmc_front_loongarch_complete(struct vmc_front *front,
                                  struct vmc_front_vcpu *vcpu, bool is_iocsr);
int vmc_front_loongarch_again(struct vmc_front *front,
                              struct vmc_front_vcpu *vcpu);

/** @value's low @size_bytes as a register: sign or zero extended. */
uint64_t vmc_front_extend(uint64_t value, uint32_t size_bytes, bool is_signed);

#endif
