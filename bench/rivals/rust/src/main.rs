//! The rust-libp2p side of the benchmark. Same command line and same output as every other
//! implementation; see bench/README.md.

mod pinger;
mod store;

use std::{
    error::Error,
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};

use futures::StreamExt;
use libp2p::{
    core::upgrade::Version,
    identify, identity,
    multiaddr::Protocol,
    noise, ping,
    swarm::{behaviour::toggle::Toggle, NetworkBehaviour, SwarmEvent},
    tcp, yamux, Multiaddr, PeerId, Swarm,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    ping: Toggle<ping::Behaviour>,
    pinger: Toggle<pinger::Behaviour>,
}

#[derive(Clone)]
struct Options {
    key: String,
    addr: Option<Multiaddr>,
    mode: String,
    parallel: usize,
    count: u64,
    seconds: f64,
    warmup: f64,
    ping: bool,
}

fn options(mut words: impl Iterator<Item = String>) -> Outcome<Options> {
    let mut o = Options {
        key: "ed25519".into(),
        addr: None,
        mode: "open".into(),
        parallel: 1,
        count: 0,
        seconds: 0.0,
        warmup: 0.0,
        ping: false,
    };
    while let Some(name) = words.next() {
        if name == "--ping" {
            o.ping = true;
            continue;
        }
        let value = words.next().ok_or(format!("{name} needs a value"))?;
        match name.as_str() {
            "--key" => o.key = value,
            "--addr" => o.addr = Some(value.parse()?),
            "--mode" => o.mode = value,
            "--parallel" => o.parallel = value.parse()?,
            "--count" => o.count = value.parse()?,
            "--seconds" => o.seconds = value.parse()?,
            "--warmup" => o.warmup = value.parse()?,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(o)
}

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    if command == "store" {
        if let Err(e) = store::run(words.next()) {
            eprintln!("{e}");
            std::process::exit(1);
        }
        return;
    }
    let outcome = match options(words) {
        Err(e) => Err(e),
        Ok(o) => match command.as_str() {
            "listen" => listen(o).await,
            "dial" => dial(o).await,
            "ping" => pings(o).await,
            "idle" => idle(o).await,
            _ => Err("use: listen | dial | ping | idle | store".into()),
        },
    };
    if let Err(e) = outcome {
        eprintln!("{e}");
        std::process::exit(1);
    }
    std::process::exit(0); // stdin may still be blocked in a read
}

fn cpu_seconds() -> f64 {
    let mut u: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut u) };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(u.ru_utime) + seconds(u.ru_stime)
}

/// `pinging`: pings are measured from this side; `ping`: they are answered. Without either, a
/// connection pays for identify alone.
fn new_swarm(key: &str, ping: bool, pinging: bool) -> Outcome<Swarm<Behaviour>> {
    let keypair = match key {
        "ed25519" => identity::Keypair::generate_ed25519(),
        "secp256k1" => identity::Keypair::generate_secp256k1(),
        _ => return Err(format!("unknown key type {key}: use ed25519 or secp256k1").into()),
    };
    Ok(libp2p::SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|k| Behaviour {
            identify: identify::Behaviour::new(identify::Config::new(
                "/ipfs/0.1.0".into(),
                k.public(),
            )),
            ping: ping.then(ping::Behaviour::default).into(),
            pinger: pinging.then(pinger::Behaviour::default).into(),
        })?
        .with_swarm_config(|c| {
            c.with_idle_connection_timeout(Duration::from_secs(3600))
                .with_substream_upgrade_protocol_override(Version::V1Lazy)
        })
        .build())
}

async fn listen(o: Options) -> Outcome<()> {
    let mut swarm = new_swarm(&o.key, o.ping, false)?;
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let (mut accepted, mut open, mut identified) = (0u64, 0u64, 0u64);
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                None => return Ok(()),
                Some(command) => {
                    if command == "settle" {
                        unsafe { libc::malloc_trim(0) };
                    }
                    println!(
                        r#"{{"cpu_s":{},"accepted":{accepted},"open":{open},"identified":{identified}}}"#,
                        cpu_seconds()
                    );
                }
            },
            event = swarm.select_next_some() => match event {
                SwarmEvent::NewListenAddr { address, .. } => println!(
                    r#"{{"addr":"{}"}}"#,
                    address.with(Protocol::P2p(*swarm.local_peer_id()))
                ),
                SwarmEvent::ConnectionEstablished { .. } => { accepted += 1; open += 1 }
                SwarmEvent::ConnectionClosed { .. } => open -= 1,
                SwarmEvent::Behaviour(BehaviourEvent::Identify(
                    identify::Event::Received { .. },
                )) => identified += 1,
                _ => {}
            },
        }
    }
}

/// Returns when the other side is identified.
async fn connect(swarm: &mut Swarm<Behaviour>, to: &Multiaddr) -> Outcome<PeerId> {
    swarm.dial(to.clone())?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                ..
            })) => return Ok(peer_id),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Error {
                error,
                ..
            })) => return Err(error.to_string().into()),
            SwarmEvent::OutgoingConnectionError { error, .. } => {
                return Err(error.to_string().into())
            }
            SwarmEvent::ConnectionClosed { cause, .. } => {
                return Err(format!("closed before identify: {cause:?}").into())
            }
            _ => {}
        }
    }
}

async fn close(swarm: &mut Swarm<Behaviour>, peer: PeerId) -> Outcome<()> {
    swarm.disconnect_peer_id(peer).map_err(|_| "not connected")?;
    while !matches!(swarm.select_next_some().await, SwarmEvent::ConnectionClosed { .. }) {}
    Ok(())
}

/// Dials with every swarm at once until the time or the count is over.
async fn dial_round(
    swarms: Vec<Swarm<Behaviour>>,
    to: &Multiaddr,
    seconds: f64,
    count: u64,
) -> Outcome<(Vec<Swarm<Behaviour>>, u64, f64)> {
    let begin = Instant::now();
    let started = Arc::new(AtomicU64::new(0));
    let finished = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for mut swarm in swarms {
        let (to, started, finished) = (to.clone(), started.clone(), finished.clone());
        tasks.push(tokio::spawn(async move {
            loop {
                if seconds > 0.0 && begin.elapsed().as_secs_f64() >= seconds {
                    return Outcome::Ok(swarm);
                }
                if count > 0 && started.fetch_add(1, Ordering::Relaxed) >= count {
                    return Ok(swarm);
                }
                let peer = connect(&mut swarm, &to).await?;
                close(&mut swarm, peer).await?;
                finished.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let mut back = Vec::new();
    for task in tasks {
        back.push(task.await??);
    }
    Ok((back, finished.load(Ordering::Relaxed), begin.elapsed().as_secs_f64()))
}

async fn dial(o: Options) -> Outcome<()> {
    let to = o.addr.ok_or("dial needs --addr")?;
    let mut swarms = Vec::new();
    for _ in 0..o.parallel {
        swarms.push(new_swarm(&o.key, false, false)?);
    }
    if o.warmup > 0.0 {
        (swarms, _, _) = dial_round(swarms, &to, o.warmup, 0).await?;
    }
    let cpu = cpu_seconds();
    println!(r#"{{"event":"start"}}"#);
    let (_, done, elapsed) = dial_round(swarms, &to, o.seconds, o.count).await?;
    println!(
        r#"{{"event":"result","count":{done},"seconds":{elapsed},"cpu_s":{}}}"#,
        cpu_seconds() - cpu
    );
    Ok(())
}

async fn pings(o: Options) -> Outcome<()> {
    let to = o.addr.ok_or("ping needs --addr")?;
    let mut swarm = new_swarm(&o.key, false, true)?;
    let peer = connect(&mut swarm, &to).await?;
    swarm
        .behaviour_mut()
        .pinger
        .as_mut()
        .ok_or("no pinger")?
        .start(peer, pinger::Plan::new(o.mode == "fresh", o.count, o.seconds, o.warmup));
    let mut took = loop {
        match swarm.select_next_some().await {
            SwarmEvent::Behaviour(BehaviourEvent::Pinger(outcome)) => break outcome?,
            SwarmEvent::ConnectionClosed { cause, .. } => {
                return Err(format!("closed while pinging: {cause:?}").into())
            }
            _ => {}
        }
    };
    if took.is_empty() {
        return Err("ping: nothing was measured".into());
    }
    took.sort_unstable();
    let at = |percent: usize| took[took.len() * percent / 100].as_nanos() as f64 / 1e3;
    println!(
        r#"{{"event":"result","count":{},"p50_us":{},"p99_us":{}}}"#,
        took.len(),
        at(50),
        at(99)
    );
    Ok(())
}

async fn idle(o: Options) -> Outcome<()> {
    let to = o.addr.ok_or("idle needs --addr")?;
    for _ in 0..o.count {
        let mut swarm = new_swarm(&o.key, false, false)?;
        connect(&mut swarm, &to).await?;
        tokio::spawn(async move {
            loop {
                swarm.select_next_some().await;
            }
        });
    }
    println!(r#"{{"event":"connected","count":{}}}"#, o.count);
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}
