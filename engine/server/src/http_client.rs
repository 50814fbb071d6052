//! As much of HTTP as it takes to ask our own servers on this machine: HTTP/1.0, one question for each connection, so that an
//! answer goes on until its connection ends and has no parts to put together.

use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

/// How long a server on this machine may take to accept a connection and to begin its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest head of an answer, in lines.
const HEAD_LINES_MAX: usize = 100;

/// An answer whose body has still to be read.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body, to the end of the connection.
    pub body: BufReader<TcpStream>,
}

/// `GET path`.
pub async fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    send(address, format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n"), PATIENCE).await
}

/// `POST path` with a body, by somebody who knows the token. Waits for the answer for so long.
pub async fn post(
    address: SocketAddr,
    path: &str,
    token: &str,
    body: &str,
    patience: Duration,
) -> io::Result<(u16, String)> {
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = send(address, head, patience).await?;
    Ok((answer.status, answer.text().await?))
}

async fn send(address: SocketAddr, request: String, patience: Duration) -> io::Result<Answer> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut body = BufReader::new(stream);
        let mut line = String::new();
        body.read_line(&mut line).await?;
        let no_http = || io::Error::new(io::ErrorKind::InvalidData, "this is no HTTP server");
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(no_http)?;
        for _ in 0..HEAD_LINES_MAX {
            line.clear();
            if body.read_line(&mut line).await? == 0 || line.trim().is_empty() {
                return Ok(Answer { status, body });
            }
        }
        Err(no_http())
    };
    timeout(patience, asking)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it does not answer")))
}

impl Answer {
    /// All of the body, as text.
    pub async fn text(mut self) -> io::Result<String> {
        let mut text = String::new();
        timeout(PATIENCE, self.body.read_to_string(&mut text)).await??;
        Ok(text)
    }
}
