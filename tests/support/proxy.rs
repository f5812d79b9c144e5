//! The way to a server, which a test can cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// Passes connections on to a server, until it is cut off.
pub struct Proxy {
    address: SocketAddr,
    way: Arc<Way>,
}

struct Way {
    server: String,
    is_cut: AtomicBool,
    is_restored: AtomicBool,
    /// What a connection says, and then says, after which the way is cut before the server's
    /// answer comes back.
    last_words: Mutex<Option<(Vec<u8>, &'static [u8])>>,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// A way to the server at this host and port.
    pub fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let way = Arc::new(Way {
            server: server.to_owned(),
            is_cut: AtomicBool::new(false),
            is_restored: AtomicBool::new(false),
            last_words: Mutex::new(None),
            open: Mutex::new(Vec::new()),
        });
        let accepting = Arc::clone(&way);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Where the way is cut the connection ends at once.
                if !accepting.is_cut.load(Ordering::SeqCst) {
                    accepting.pass(client);
                }
            }
        });
        Self { address, way }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections and takes no new ones.
    pub fn cut(&self) {
        self.way.cut();
    }

    /// Cuts the way as soon as these words have reached the server, before its answer comes back.
    pub fn cut_after(&self, words: &'static [u8]) {
        self.cut_after_both(Vec::new(), words);
    }

    /// Cuts the way as soon as a connection has said the first to the server and then the second,
    /// before the answer comes back. Others may say the second meanwhile.
    pub fn cut_after_both(&self, first: Vec<u8>, then: &'static [u8]) {
        *self.way.last_words.lock() = Some((first, then));
    }

    /// Whether the way is cut.
    pub fn is_cut(&self) -> bool {
        self.way.is_cut.load(Ordering::SeqCst)
    }

    /// Takes new connections again.
    pub fn restore(&self) {
        self.way.is_cut.store(false, Ordering::SeqCst);
        self.way.is_restored.store(true, Ordering::SeqCst);
    }

    /// Whether the way was cut and is open again.
    pub fn is_restored(&self) -> bool {
        self.way.is_restored.load(Ordering::SeqCst)
    }
}

impl Way {
    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.open.lock().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn pass(self: &Arc<Self>, client: TcpStream) {
        let server = TcpStream::connect(&self.server).expect("the server");
        let twice = |stream: &TcpStream| stream.try_clone().expect("a second handle");
        self.open.lock().extend([twice(&client), twice(&server)]);
        let (from, to, answers) = (twice(&client), twice(&server), twice(&server));
        let muted = Arc::new(AtomicBool::new(false));
        let (way, muting) = (Arc::clone(self), Arc::clone(&muted));
        std::thread::spawn(move || way.pass_requests(from, to, &muting));
        let way = Arc::clone(self);
        std::thread::spawn(move || way.pass_answers(answers, client, &muted));
    }

    fn pass_requests(&self, mut from: TcpStream, mut to: TcpStream, muted: &AtomicBool) {
        let mut bytes = [0; 16_384];
        let mut said_first = false;
        while let Ok(n @ 1..) = from.read(&mut bytes) {
            let says = |words: &[u8]| bytes[..n].windows(words.len()).any(|at| at == words);
            let mut last_words = self.last_words.lock();
            if let Some((first, then)) = &*last_words {
                said_first |= first.is_empty() || says(first);
                if said_first && says(then) {
                    *last_words = None;
                    muted.store(true, Ordering::SeqCst);
                }
            }
            drop(last_words);
            if to.write_all(&bytes[..n]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }

    fn pass_answers(&self, mut from: TcpStream, mut to: TcpStream, muted: &AtomicBool) {
        let mut bytes = [0; 16_384];
        while let Ok(n @ 1..) = from.read(&mut bytes) {
            if muted.load(Ordering::SeqCst) {
                // The server has done what it was told, and nobody hears of it.
                self.cut();
            } else if to.write_all(&bytes[..n]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}
