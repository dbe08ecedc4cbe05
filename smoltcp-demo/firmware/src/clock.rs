//! The time since boot: milliseconds counted by SysTick's interrupt, and what SysTick has counted since.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{SCB, SYST};
use cortex_m_rt::exception;
use framewright::Instant;

/// A clock that starts at zero and does not wrap for 50 million days.
#[derive(Debug)]
pub struct Clock {
    _started: (),
}

/// Milliseconds since boot, in two halves. Only the interrupt writes them.
static LOW: AtomicU32 = AtomicU32::new(0);
static HIGH: AtomicU32 = AtomicU32::new(0);

/// SysTick counts down from here to 0, once a millisecond.
const RELOAD: u32 = crate::board::CLOCK_HZ / 1_000 - 1;
const CYCLES_PER_MICROSECOND: u32 = crate::board::CLOCK_HZ / 1_000_000;

impl Clock {
    /// Starts it. From now on the processor wakes every millisecond.
    pub fn start(mut syst: SYST) -> Self {
        syst.set_clock_source(SystClkSource::Core);
        syst.set_reload(RELOAD);
        syst.clear_current();
        syst.enable_counter();
        syst.enable_interrupt();
        Self { _started: () }
    }

    /// The time since boot.
    pub fn now(&self) -> Instant {
        loop {
            let (high, low) = (HIGH.load(Ordering::Relaxed), LOW.load(Ordering::Relaxed));
            // The counter may have come round while its interrupt must wait.
            let late = is_pending();
            let counted = (RELOAD - SYST::get_current()) / CYCLES_PER_MICROSECOND;
            let late_after = is_pending();
            if (HIGH.load(Ordering::Relaxed), LOW.load(Ordering::Relaxed)) != (high, low) || late != late_after {
                continue;
            }
            let millis = (u64::from(high) << 32) + u64::from(low) + u64::from(late);
            return Instant::from_micros(millis * 1_000 + u64::from(counted));
        }
    }
}

/// Whether SysTick's interrupt waits to be served.
fn is_pending() -> bool {
    /// Interrupt control and state: SysTick is pending.
    const PENDSTSET: u32 = 1 << 26;
    // SAFETY: this register can always be read.
    unsafe { (*SCB::PTR).icsr.read() & PENDSTSET != 0 }
}

#[exception]
fn SysTick() {
    let low = LOW.load(Ordering::Relaxed).wrapping_add(1);
    if low == 0 {
        HIGH.store(HIGH.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
    LOW.store(low, Ordering::Relaxed);
}
