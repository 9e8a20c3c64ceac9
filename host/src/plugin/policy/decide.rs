//! Asking a policy.

use super::load::{too_slow, went_wrong, wind};
use super::{ANSWERS, DEADLINE, LARGEST_ARGUMENTS, LoadedPolicy, Warm, wire};
use crate::domain::policy::{Effect, PolicyAnswer, PolicyRequest};
use crate::plugin::Runtime;
use std::sync::PoisonError;
use std::time::Instant;

impl Runtime {
    /// The answer to one question. It never fails: whatever goes wrong is a denial that says what.
    pub async fn decide(&self, policy: &LoadedPolicy, request: &PolicyRequest) -> PolicyAnswer {
        let began = Instant::now();
        let decided = self.ask_policy(policy, request).await;
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let digest = policy.digest;
        match decided {
            Ok(answer) => PolicyAnswer { took_us, ..answer },
            Err(sentence) => PolicyAnswer {
                effect: Effect::Deny,
                reasons: Vec::new(),
                errors: vec![sentence],
                digest,
                took_us,
            },
        }
    }

    async fn ask_policy(
        &self,
        policy: &LoadedPolicy,
        request: &PolicyRequest,
    ) -> Result<PolicyAnswer, String> {
        if request.arguments.len() > LARGEST_ARGUMENTS {
            return Err(format!(
                "the arguments are larger than the {} KiB that the policy `{}` may be asked about",
                LARGEST_ARGUMENTS >> 10,
                policy.name
            ));
        }
        // Nobody closes it; without a turn there would be no bound on memory.
        let Ok(_turn) = policy.turns.acquire().await else {
            return Err(format!("the policy `{}` is gone", policy.name));
        };
        // The guard is gone before anything is awaited.
        let idle = policy.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut warm = match idle {
            Some(warm) => warm,
            None => self.another(policy).await?,
        };
        let _ticking = self.tick(&self.policy_ticks, warm.store.engine());
        wind(&mut warm.store, DEADLINE);
        let Warm { store, decider, .. } = &mut warm;
        let request = wire::request(request);
        let asking = decider.initrunner_plugin_policies().call_decide(&mut *store, &request);
        let ended = tokio::time::timeout(DEADLINE, asking).await;
        // From here on an instance that did not answer is dropped.
        let decision = match ended {
            Ok(Ok(decision)) => decision,
            Ok(Err(error)) => {
                let why = went_wrong(&warm.store, &error, DEADLINE);
                return Err(format!("the policy `{}` gave no answer: {why}", policy.name));
            }
            Err(_) => {
                let why = too_slow(DEADLINE);
                return Err(format!("the policy `{}` gave no answer: {why}", policy.name));
            }
        };
        warm.answers += 1;
        if warm.answers < ANSWERS {
            policy.idle.lock().unwrap_or_else(PoisonError::into_inner).push(warm);
        }
        let mut errors = wire::sentences(decision.errors);
        let reasons = wire::reasons(decision.reasons);
        errors.extend(
            reasons.iter().filter(|reason| !policy.known.contains(&reason.policy)).map(|_| {
                format!("the policy `{}` cites a policy that it does not have", policy.name)
            }),
        );
        let effect = if errors.is_empty() { wire::effect(decision.effect) } else { Effect::Deny };
        Ok(PolicyAnswer { effect, reasons, errors, digest: policy.digest, took_us: 0 })
    }
}
