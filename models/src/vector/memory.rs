//! Hints to the CPU and the operating system about memory: prefetch and huge pages.

/// Prefetches the cache line of `slice[index]` into the first-level cache. Any index is allowed: an address outside of
/// mapped memory has no effect.
#[inline(always)]
pub fn prefetch<T>(slice: &[T], index: usize) {
    let address = slice.as_ptr().wrapping_add(index);
    // SAFETY: a prefetch never faults and changes no memory (2).
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast())
    };
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Prefetches a range of a slice into the second-level cache. Any range is allowed.
#[inline(always)]
pub fn prefetch_range<T>(slice: &[T], range: std::ops::Range<usize>) {
    const CACHE_LINE: usize = 64;
    let base = slice.as_ptr();
    let start = base.wrapping_add(range.start).cast::<u8>();
    let end = base.wrapping_add(range.end).cast::<u8>();
    // Starts at the beginning of the first cache line. From `start` itself, steps of 64 bytes could miss the last
    // cache line.
    let mut address = start.wrapping_sub(start.addr() % CACHE_LINE);
    while address < end {
        // SAFETY: a prefetch never faults and changes no memory (2).
        #[cfg(target_arch = "x86_64")]
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(address.cast())
        };
        address = address.wrapping_add(CACHE_LINE);
    }
}

/// Asks the operating system for memory pages of 2 MiB for a large slice. Delivery of spikes then needs fewer address
/// translations. Call it before the first write to the slice. A system without huge pages ignores it.
pub fn advise_huge_pages<T>(slice: &mut [T]) {
    #[cfg(target_os = "linux")]
    {
        const MEMORY_PAGE: usize = 4096;
        let start = (slice.as_mut_ptr() as usize).next_multiple_of(MEMORY_PAGE);
        let end = (slice.as_mut_ptr() as usize + size_of_val(slice)) & !(MEMORY_PAGE - 1);
        if end > start + (4 << 20) {
            // SAFETY: whole memory pages inside one live, exclusively borrowed allocation. Contents do not change (3).
            unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = slice;
}
