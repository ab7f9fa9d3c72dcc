/* SPDX-License-Identifier: MIT */
#include "irqchip/uart.h"

enum {
    DATA = 0,
    IER = 1,
    IIR_FCR = 2,
    LCR = 3,
    MCR = 4,
    LSR = 5,
    MSR = 6,
    SCR = 7,
    IER_BITS = 0x0f,
    IER_THRI = 0x02,
    IIR_NONE = 0x01,
    IIR_THRI = 0x02,
    IIR_ID = 0x06,
    IIR_FIFOS = 0xc0,
    FCR_ENABLE = 0x01,
    FCR_BITS = 0xc9,
    LCR_DLAB = 0x80,
    MCR_BITS = 0x1f,
    MCR_OUT2 = 0x08,
    LSR_EMPTY = 0x60, /* holding and shift register */
    MSR_IDLE = 0xb0,  /* carrier, ready, clear to send */
};

/* Say what the line is, whether it changed or not. */
static void evaluate(struct vmc_uart *uart)
{
    bool is_due =
        (uart->state.ier & IER_THRI) != 0 && uart->state.is_thr_pending;

    uart->state.iir = (uint8_t)((uart->state.iir & IIR_FIFOS) |
                                (is_due ? IIR_THRI : IIR_NONE));
    vmc_wire_set(&uart->line, is_due);
}

static void set_power_on(struct vmc_uart *uart)
{
    uart->state = (struct vmc_uart_state){
        .iir = IIR_NONE, .mcr = MCR_OUT2, .msr = MSR_IDLE};
}

void vmc_uart_init(struct vmc_uart *uart)
{
    *uart = (struct vmc_uart){.line = {0}};
    set_power_on(uart);
}

void vmc_uart_reset(struct vmc_uart *uart)
{
    set_power_on(uart);
    vmc_wire_set(&uart->line, false);
}

static bool has_divider(const struct vmc_uart *uart, uint32_t index)
{
    return (uart->state.lcr & LCR_DLAB) != 0 && index <= IER;
}

uint8_t vmc_uart_read(struct vmc_uart *uart, uint32_t index)
{
    uint8_t value;

    assert(index < VMC_UART_REGISTERS);
    if (has_divider(uart, index)) {
        return uart->state.divider[index];
    }
    switch (index) {
    case DATA: /* nothing was received, but the line is looked at */
        evaluate(uart);
        return 0;
    case IER:
        return uart->state.ier;
    case IIR_FCR:
        value = uart->state.iir;
        if ((value & IIR_ID) == IIR_THRI) {
            uart->state.is_thr_pending = false;
            evaluate(uart);
        }
        return value;
    case LCR:
        return uart->state.lcr;
    case MCR:
        return uart->state.mcr;
    case LSR:
        return LSR_EMPTY;
    case MSR:
        return uart->state.msr;
    default:
        return uart->state.scr;
    }
}

static void write_ier(struct vmc_uart *uart, uint8_t value)
{
    uint8_t changed = (uart->state.ier ^ value) & IER_BITS;

    uart->state.ier = value & IER_BITS;
    if ((changed & IER_THRI) != 0) {
        uart->state.is_thr_pending = (value & IER_THRI) != 0;
    }
    if (changed != 0) {
        evaluate(uart);
    }
}

void vmc_uart_write(struct vmc_uart *uart, uint32_t index, uint8_t value)
{
    assert(index < VMC_UART_REGISTERS);
    if (has_divider(uart, index)) {
        uart->state.divider[index] = value;
        return;
    }
    switch (index) {
    case DATA: /* the register is full for no time: the line pulses */
        uart->state.is_thr_pending = false;
        evaluate(uart);
        uart->state.is_thr_pending = true;
        evaluate(uart);
        break;
    case IER:
        write_ier(uart, value);
        break;
    case IIR_FCR:
        uart->state.fcr = value & FCR_BITS;
        uart->state.iir =
            (uint8_t)((uart->state.iir & ~IIR_FIFOS) |
                      ((value & FCR_ENABLE) != 0 ? IIR_FIFOS : 0));
        evaluate(uart);
        break;
    case LCR:
        uart->state.lcr = value;
        break;
    case MCR:
        uart->state.mcr = value & MCR_BITS;
        break;
    case SCR:
        uart->state.scr = value;
        break;
    default:
        break;
    }
}
