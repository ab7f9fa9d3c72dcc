/* SPDX-License-Identifier: MIT */
/**
 * uart.h - the part of a 16550 UART that moves its interrupt line.
 *
 * It has no back end: what is sent is gone at once, nothing is ever received.
 * What remains is the source of level interrupts that tests need: the "holding
 * register empty" interrupt, by the rules of QEMU's model (observations U1 to
 * U3). Every evaluation reports the line again, changed or not.
 */
#ifndef VMC_IRQCHIP_UART_H
#define VMC_IRQCHIP_UART_H

#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"

enum { VMC_UART_REGISTERS = 8 };

/** Plain data. */
struct vmc_uart_state {
    uint8_t ier, iir, lcr, mcr, msr, scr, fcr;
    uint8_t divider[2];
    bool is_thr_pending; /**< the holding register has become empty */
};

/** A UART. The line is for the caller to connect. */
struct vmc_uart {
    struct vmc_uart_state state;
    struct vmc_wire line;
};

/** As after power-on, the line connected by the caller. */
void vmc_uart_init(struct vmc_uart *uart);

/** As after power-on; the line is reported low. */
void vmc_uart_reset(struct vmc_uart *uart);

/** Read register @index, below VMC_UART_REGISTERS; it may move the line. */
uint8_t vmc_uart_read(struct vmc_uart *uart, uint32_t index);

/** Write register @index likewise. */
void vmc_uart_write(struct vmc_uart *uart, uint32_t index, uint8_t value);

#endif
