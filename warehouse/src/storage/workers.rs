//! A list of jobs over the machine's cores.

use std::sync::Mutex;
use std::thread;

use crate::WarehouseError;

/// Does every job and gives the results in order of completion. Stops at the first failure.
pub(crate) fn each<J: Send, R: Send>(
    jobs: Vec<J>,
    work: impl Fn(J) -> Result<R, WarehouseError> + Sync,
) -> Result<Vec<R>, WarehouseError> {
    each_with(thread::available_parallelism().map_or(1, usize::from), jobs, work)
}

/// The same with this many threads, for jobs that mostly wait.
pub(crate) fn each_with<J: Send, R: Send>(
    threads: usize,
    jobs: Vec<J>,
    work: impl Fn(J) -> Result<R, WarehouseError> + Sync,
) -> Result<Vec<R>, WarehouseError> {
    let workers = threads.min(jobs.len());
    if workers < 2 {
        return jobs.into_iter().map(work).collect();
    }
    let queue = Mutex::new(jobs.into_iter());
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    let worker = || -> Result<Vec<R>, WarehouseError> {
        let mut done = Vec::new();
        while let Some(job) = next() {
            match work(job) {
                Ok(result) => done.push(result),
                Err(error) => {
                    // Leaves nothing for the others to do.
                    while next().is_some() {}
                    return Err(error);
                }
            }
        }
        Ok(done)
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let mut all = Vec::new();
        let mut failed = None;
        for handle in running {
            match handle.join() {
                Ok(Ok(done)) => all.extend(done),
                Ok(Err(error)) => failed = failed.or(Some(error)),
                Err(_) => failed = failed.or(Some(WarehouseError::Interrupted)),
            }
        }
        failed.map_or(Ok(all), Err)
    })
}
