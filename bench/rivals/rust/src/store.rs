//! libp2p-peer-store's MemoryStore. It holds addresses alone: what it cannot be asked is left out.

use std::{
    hint::black_box,
    io::BufRead,
    num::NonZeroUsize,
    task::{Context, Waker},
    time::Instant,
};

use libp2p::{
    peer_store::{
        memory_store::{Config, MemoryStore},
        Store,
    },
    Multiaddr, PeerId,
};

use crate::Outcome;

/// The first look-ups, whose answer is compared.
const CHECKED_LOOKUPS: usize = 10_000;
/// Look-ups between two looks at the clock.
const BREATH: usize = 1000;
const LEAST_SECONDS: f64 = 0.5;

/// The file that all implementations read; its format stands in bench/store/peer_file.h.
struct PeerFile {
    data: &'static [u8],
    offsets: Vec<u32>,
    order: usize,
}

fn u32_at(data: &[u8], at: usize) -> usize {
    u32::from_le_bytes(data[at..at + 4].try_into().expect("four bytes")) as usize
}

/// The file's bytes, mapped: outside the heap that is measured.
fn map(path: &str) -> Outcome<&'static [u8]> {
    use std::os::fd::AsRawFd;
    let file = std::fs::File::open(path)?;
    let size = file.metadata()?.len() as usize;
    let data = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_POPULATE,
            file.as_raw_fd(),
            0,
        )
    };
    if data == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error().into());
    }
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), size) })
}

impl PeerFile {
    fn open(path: &str) -> Outcome<Self> {
        let data = map(path)?;
        if data.len() < 14 || &data[..8] != b"wpmpeer2" {
            return Err(format!("{path} is no file of peers").into());
        }
        let mut at = 14;
        for _ in 0..data[12] {
            at += 1 + data[at] as usize;
        }
        let mut offsets = Vec::with_capacity(u32_at(data, 8));
        for _ in 0..u32_at(data, 8) {
            offsets.push(at as u32);
            at += 2 + data[at] as usize; // id, connectivity
            let count = data[at];
            at += 1;
            for _ in 0..count {
                at += 1 + data[at] as usize;
            }
            at += 1 + data[at] as usize; // protocols
            at += 1 + data[at] as usize; // shards
        }
        Ok(PeerFile { data, offsets, order: at })
    }

    fn id(&self, index: usize) -> Outcome<(PeerId, usize)> {
        let at = self.offsets[index] as usize;
        let end = at + 1 + self.data[at] as usize;
        Ok((PeerId::from_bytes(&self.data[at + 1..end])?, end + 1))
    }

    fn put(&self, store: &mut MemoryStore, index: usize) -> Outcome<()> {
        let (id, mut at) = self.id(index)?;
        let count = self.data[at];
        at += 1;
        for _ in 0..count {
            let end = at + 1 + self.data[at] as usize;
            let address = Multiaddr::try_from(self.data[at + 1..end].to_vec())?;
            store.add_address(&id, &address);
            at = end;
        }
        // A swarm takes the events; left alone they would pile up.
        let mut context = Context::from_waker(Waker::noop());
        while store.poll(&mut context).is_ready() {}
        Ok(())
    }
}

fn heap() -> usize {
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}

fn say_timed(count: usize, seconds: f64, answer: usize) {
    println!(r#"{{"count":{count},"seconds":{seconds},"answer":{answer}}}"#);
}

fn put_all(file: &PeerFile, store: &mut MemoryStore) -> Outcome<()> {
    let begin = Instant::now();
    for index in 0..file.offsets.len() {
        file.put(store, index)?;
    }
    say_timed(file.offsets.len(), begin.elapsed().as_secs_f64(), store.record_iter().count());
    Ok(())
}

fn address_bytes(store: &MemoryStore, id: &PeerId) -> Outcome<usize> {
    let addresses = store.addresses_of_peer(id).ok_or("look-up: no such peer")?;
    Ok(addresses.map(|address| address.len()).sum())
}

fn lookup(file: &PeerFile, store: &MemoryStore) -> Outcome<()> {
    let mut ids = Vec::with_capacity(file.offsets.len());
    for i in 0..file.offsets.len() {
        ids.push(file.id(u32_at(file.data, file.order + 4 * i))?.0);
    }
    let checked = CHECKED_LOOKUPS.min(ids.len());
    let mut answer = 0;
    for id in &ids[..checked] {
        answer += address_bytes(store, id)?;
    }
    let mut next = (0..ids.len()).cycle().skip(checked);
    let begin = Instant::now();
    let mut count = 0;
    while begin.elapsed().as_secs_f64() < LEAST_SECONDS {
        for index in next.by_ref().take(BREATH) {
            black_box(address_bytes(store, &ids[index])?);
        }
        count += BREATH;
    }
    say_timed(count, begin.elapsed().as_secs_f64(), answer);
    Ok(())
}

/// store PEERS
pub fn run(path: Option<String>) -> Outcome<()> {
    let file = PeerFile::open(&path.ok_or("use: store PEERS")?)?;
    let capacity = NonZeroUsize::new(file.offsets.len() + 1).ok_or("no peers")?;
    let mut store = MemoryStore::new(Config::default().set_peer_capacity(capacity));
    println!(r#"{{"peers":{},"heap":{}}}"#, file.offsets.len(), heap());
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "insert" | "again" => put_all(&file, &mut store)?,
            "settle" => {
                unsafe { libc::malloc_trim(0) };
                println!(r#"{{"heap":{}}}"#, heap());
            }
            "lookup" => lookup(&file, &store)?,
            other => return Err(format!("unknown command {other}").into()),
        }
    }
    Ok(())
}
