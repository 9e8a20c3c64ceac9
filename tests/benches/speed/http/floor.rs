//! The floor: a bare axum server in a process of its own, as the program is, that asks the same model as often
//! and does nothing else. It has no store, no sandbox, no keys.

use super::wire::Wire;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::post;
use serde_json::{Value, json};
use std::io::BufRead;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Says to this program that it is to be the floor, and where the model is.
pub const IS_FLOOR: &str = "INITRUNNER_BENCH_FLOOR";

/// The model's address, and connections to it that nobody uses.
struct Model(SocketAddr, Mutex<Vec<Wire>>);

/// The floor, until it is killed.
pub fn be(model: &str) {
    let model = Arc::new(Model(model.parse().unwrap(), Mutex::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let router = Router::new().route("/{times}", post(answer)).with_state(model);
        axum::serve(listener, router).await.unwrap();
    });
}

async fn answer(
    State(model): State<Arc<Model>>,
    Path(times): Path<u8>,
    body: Bytes,
) -> axum::Json<Value> {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let prompt = asked["messages"][0]["content"].as_str().unwrap().to_owned();
    let mut last = 0;
    for turn in 0..times {
        let mut messages = vec![
            json!({"role": "system", "content": "You use your tools."}),
            json!({"role": "user", "content": prompt}),
        ];
        if turn > 0 {
            messages.push(json!({"role": "tool", "tool_call_id": "call_1", "content": "nothing"}));
        }
        let tool = json!({"type": "function", "function": {"name": "probe", "description": "Tries something.",
            "parameters": {"type": "object", "properties": {"do": {"type": "string"}}}}});
        let request =
            json!({"model": "stub", "messages": messages, "tools": [tool], "stream": true});
        let free = model.1.lock().unwrap().pop();
        let mut wire = match free {
            Some(wire) => wire,
            None => Wire::connect(model.0, None).await,
        };
        let (_, answer) = wire.ask("/v1/chat/completions", request.to_string().into()).await;
        model.1.lock().unwrap().push(wire);
        last = answer.len();
    }
    axum::Json(json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": last.to_string()},
            "finish_reason": "stop"}],
    }))
}

/// The floor, started.
pub struct Floor {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Floor {
    /// Starts it beside that model.
    pub fn start(model: SocketAddr) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(IS_FLOOR, model.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap() }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
