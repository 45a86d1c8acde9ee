//! Those who ask for the same kind of thing at one moment are answered in one turn.
//!
//! ```text
//! asked     a ─┐          b c d ─┐             e f ─┐
//! turns        [ a ............ ][ b c d ......... ][ e f ........ ]
//! answered                      a                b c d            e f
//! ```
//!
//! Nobody waits for a group to fill: whoever finds no turn running takes it with all that wait, and while it runs the next
//! group gathers. A turn begins after everyone in it has asked, so nobody is told what was true before he asked.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot::{self, Sender};

use super::StoreError;
use super::error::Shared;

/// Most that are answered in one turn: more at once would be no faster, and take memory.
const TOGETHER: usize = 128;

/// Who waits, and whose turn it is.
pub(crate) struct Gather<Q, A> {
    waiting: Mutex<Vec<(Q, Sender<A>)>>,
    turn: tokio::sync::Mutex<()>,
}

impl<Q, A> Default for Gather<Q, A> {
    fn default() -> Self {
        Gather { waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }
}

impl<Q, A> Gather<Q, A> {
    /// Asks, and answers those who wait when nobody else does; answers are in the order of the questions. None when
    /// the turn in which this was asked had no answer, or whoever had taken it went away in its middle.
    pub(crate) async fn ask<F: Future<Output = Vec<A>>>(
        &self,
        question: Q,
        answer: impl Fn(Vec<Q>) -> F,
    ) -> Option<A> {
        let (tell, mut told) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((question, tell));
        loop {
            tokio::select! {
                biased;
                // It was among those whom somebody answered.
                heard = &mut told => return heard.ok(),
                _turn = self.turn.lock() => {
                    let (questions, tells): (Vec<_>, Vec<_>) = self.longest_waiting().into_iter().unzip();
                    if !questions.is_empty() {
                        let answers = answer(questions).await;
                        // Whoever waits no longer is not told.
                        tells.into_iter().zip(answers).for_each(|(tell, answer)| drop(tell.send(answer)));
                    }
                }
            }
        }
    }

    fn longest_waiting(&self) -> Vec<(Q, Sender<A>)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let together = waiting.len().min(TOGETHER);
        waiting.drain(..together).collect()
    }
}

impl<Q: Clone, A, E: Shared> Gather<Q, Result<A, E>> {
    /// Reads something, with those of others who ask. When what is read is broken, this one's alone is read, and fails
    /// alone; what else goes wrong goes wrong for all, who would only ask it again one after another.
    ///
    /// # Errors
    /// What keeps this one's from being read.
    pub(crate) async fn read<F: Future<Output = Result<Vec<A>, E>>>(
        &self,
        question: Q,
        read: impl Fn(Vec<Q>) -> F,
    ) -> Result<A, E> {
        let together = |questions: Vec<Q>| {
            let (many, reading) = (questions.len(), read(questions));
            async move {
                match reading.await {
                    Ok(answers) => answers.into_iter().map(Ok).collect(),
                    Err(error) if many == 1 => vec![Err(error)],
                    Err(error) if error.is_broken() => Vec::new(),
                    Err(error) => (0..many).map(|_| Err(error.shared())).collect(),
                }
            }
        };
        match self.ask(question.clone(), together).await {
            Some(answer) => answer,
            None => read(vec![question])
                .await?
                .pop()
                .ok_or(StoreError::Fault("a question without an answer").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn everyone_has_the_answer_to_his_own_question() {
        let gather = Gather::<u32, u32>::default();
        let asked = (0..300).map(|n| {
            let gather = &gather;
            async move {
                let double = |all: Vec<u32>| async move {
                    tokio::task::yield_now().await;
                    all.iter().map(|n| n * 2).collect()
                };
                assert_eq!(gather.ask(n, double).await, Some(n * 2));
            }
        });
        futures_util::future::join_all(asked).await;
    }

    #[tokio::test]
    async fn a_turn_without_an_answer_is_told_to_everyone_in_it_and_to_nobody_else() {
        let gather = Gather::<u32, u32>::default();
        let silent = |_| async { Vec::new() };
        let (a, b) = futures_util::join!(gather.ask(1, silent), gather.ask(2, silent));
        assert_eq!((a, b), (None, None));
        assert_eq!(gather.ask(3, |all| async move { all }).await, Some(3));
    }

    #[tokio::test]
    async fn who_goes_away_in_his_turn_leaves_nobody_waiting() {
        let gather = Gather::<u32, u32>::default();
        let mut first = Box::pin(gather.ask(1, |_| std::future::pending()));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        let mut second = Box::pin(gather.ask(2, |all| async move { all }));
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(first);
        assert_eq!(second.await, Some(2));
    }

    #[tokio::test]
    async fn what_is_broken_of_one_fails_for_him_alone() {
        let gather = Gather::<u32, Result<u32, StoreError>>::default();
        let read = |all: Vec<u32>| async move {
            tokio::task::yield_now().await;
            if all.contains(&7) { Err(StoreError::integrity("seven", "broken")) } else { Ok(all) }
        };
        let asked = (0..20).map(|n| gather.read(n, read));
        for (n, answer) in (0..).zip(futures_util::future::join_all(asked).await) {
            assert_eq!(answer.ok(), (n != 7).then_some(n));
        }
    }

    #[tokio::test]
    async fn what_goes_wrong_for_all_is_not_asked_again_by_each() {
        let (gather, reads) = (Gather::<u32, Result<u32, StoreError>>::default(), AtomicU32::new(0));
        let read = |_: Vec<u32>| {
            reads.fetch_add(1, Ordering::Relaxed);
            async {
                tokio::task::yield_now().await;
                Err(StoreError::Busy)
            }
        };
        let asked = (0..20).map(|n| gather.read(n, read));
        for answer in futures_util::future::join_all(asked).await {
            assert!(matches!(answer, Err(StoreError::Busy)));
        }
        assert!(reads.load(Ordering::Relaxed) <= 2, "the first, and all the others together");
    }
}
