//! Sends pings from inside the connection's own task, as libp2p's ping does, but measures from
//! before the first byte is written and, on request, with a fresh stream for each ping.

use std::{
    collections::VecDeque,
    io,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use futures::{future::BoxFuture, AsyncReadExt, AsyncWriteExt, FutureExt};
use libp2p::{
    core::{transport::PortUse, upgrade::ReadyUpgrade, Endpoint},
    ping::PROTOCOL_NAME,
    swarm::{
        handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedOutbound},
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
        NetworkBehaviour, NotifyHandler, Stream, StreamProtocol, SubstreamProtocol, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
    Multiaddr, PeerId,
};

#[derive(Clone, Debug)]
pub struct Plan {
    fresh: bool,
    count: usize,
    seconds: f64,
    warmup: f64,
}

impl Plan {
    /// `count` 0: no limit; `seconds` 0: until `count` is reached.
    pub fn new(fresh: bool, count: u64, seconds: f64, warmup: f64) -> Self {
        Self { fresh, count: count as usize, seconds, warmup }
    }
}

type Measured = Result<Vec<Duration>, io::Error>;

#[derive(Default)]
pub struct Behaviour {
    pending: VecDeque<ToSwarm<Measured, Plan>>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub fn start(&mut self, peer_id: PeerId, plan: Plan) {
        self.pending.push_back(ToSwarm::NotifyHandler {
            peer_id,
            handler: NotifyHandler::Any,
            event: plan,
        });
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Measured;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::default())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::default())
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        self.pending.push_back(ToSwarm::GenerateEvent(event));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Measured, THandlerInEvent<Self>>> {
        match self.pending.pop_front() {
            Some(event) => Poll::Ready(event),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// One run of pings on one connection.
struct Run {
    plan: Plan,
    begun: Instant,
    warm: bool,
    sent: u64,
    took: Vec<Duration>,
}

impl Run {
    /// No two are alike, so that a stale answer is found; drawing random bytes is not measured.
    fn next_payload(&mut self) -> [u8; 32] {
        self.sent += 1;
        let mut payload = [0x5a; 32];
        payload[..8].copy_from_slice(&self.sent.to_be_bytes());
        payload
    }

    fn add(&mut self, took: Duration) {
        let elapsed = self.begun.elapsed().as_secs_f64();
        if self.warm {
            self.took.push(took);
        } else if elapsed >= self.plan.warmup {
            self.warm = true;
            self.begun = Instant::now();
        }
    }

    fn over(&self) -> bool {
        self.warm
            && (self.plan.count > 0 && self.took.len() >= self.plan.count
                || self.plan.seconds > 0.0
                    && self.begun.elapsed().as_secs_f64() >= self.plan.seconds)
    }
}

enum State {
    Resting,
    Opening(Run, Instant),
    Busy(BoxFuture<'static, Result<Run, io::Error>>),
    Ended(Measured),
}

pub struct Handler {
    state: State,
    request: bool,
}

impl Default for Handler {
    fn default() -> Self {
        Self { state: State::Resting, request: false }
    }
}

async fn ping_once(
    stream: &mut Stream,
    payload: [u8; 32],
    begin: Instant,
) -> Result<Duration, io::Error> {
    let mut answer = [0u8; 32];
    stream.write_all(&payload).await?;
    stream.flush().await?;
    stream.read_exact(&mut answer).await?;
    let took = begin.elapsed();
    if payload == answer {
        Ok(took)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the answer differs from the question"))
    }
}

async fn on_open_stream(mut stream: Stream, mut run: Run) -> Result<Run, io::Error> {
    while !run.over() {
        let payload = run.next_payload();
        let took = ping_once(&mut stream, payload, Instant::now()).await?;
        run.add(took);
    }
    Ok(run)
}

async fn on_fresh_stream(
    mut stream: Stream,
    mut run: Run,
    begin: Instant,
) -> Result<Run, io::Error> {
    let payload = run.next_payload();
    let took = ping_once(&mut stream, payload, begin).await?;
    run.add(took);
    stream.close().await?;
    Ok(run)
}

impl Handler {
    fn open(&mut self, run: Run) {
        self.state = State::Opening(run, Instant::now());
        self.request = true;
    }

    fn stream(&mut self, stream: Stream) {
        if let State::Opening(run, begin) = std::mem::replace(&mut self.state, State::Resting) {
            self.state = State::Busy(if run.plan.fresh {
                on_fresh_stream(stream, run, begin).boxed()
            } else {
                on_open_stream(stream, run).boxed()
            });
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Plan;
    type ToBehaviour = Measured;
    type InboundProtocol = libp2p::core::upgrade::DeniedUpgrade;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(libp2p::core::upgrade::DeniedUpgrade, ())
    }

    fn on_behaviour_event(&mut self, plan: Plan) {
        let warm = plan.warmup <= 0.0;
        self.open(Run { plan, begun: Instant::now(), warm, sent: 0, took: Vec::new() });
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Measured>> {
        if let State::Busy(work) = &mut self.state {
            match work.poll_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(run)) if run.over() => self.state = State::Ended(Ok(run.took)),
                Poll::Ready(Ok(run)) => self.open(run),
                Poll::Ready(Err(e)) => self.state = State::Ended(Err(e)),
            }
        }
        if self.request {
            self.request = false;
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL_NAME), ()),
            });
        }
        if let State::Ended(_) = self.state {
            if let State::Ended(measured) = std::mem::replace(&mut self.state, State::Resting) {
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(measured));
            }
        }
        Poll::Pending
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol, ..
            }) => self.stream(protocol),
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, .. }) => {
                self.state = State::Ended(Err(io::Error::other(error.to_string())));
            }
            _ => {}
        }
    }
}
