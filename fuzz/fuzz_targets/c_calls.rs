//! Sequences of C calls with odd pointers, handles of the wrong kind and handles that were freed twice in a row.
#![no_main]

// The crate zmd is a cdylib and a staticlib, which a Rust program cannot link to.
#[path = "../../src/lib.rs"]
#[allow(unused_imports)]
mod c_interface;

use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use arbitrary::Arbitrary;
use c_interface::*;
use libfuzzer_sys::fuzz_target;
use zmd_fuzz::{Server, TOKEN, http};

#[derive(Arbitrary, Debug)]
enum Text<'a> {
    Null,
    Good,
    Any(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Handle {
    Null,
    Config,
    Client,
    Waits,
}

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    NewConfig,
    FreeConfig(Handle),
    Set(Handle, u8, Text<'a>),
    NewClient(Handle),
    Clone(Handle),
    SetToken(Handle, Text<'a>),
    Status(Handle, Text<'a>, Text<'a>, bool),
    StatusWithin(Handle, i64),
    Wait(Handle, Text<'a>, Text<'a>, u8, bool),
    Many(Handle, u8, bool, bool),
    Cancel(Handle),
    FreeClient(Handle),
    NewWaits(Handle),
    Add(Handle, Text<'a>, Text<'a>, u8, bool),
    Next(Handle, u8, bool),
    Remove(Handle, u64),
    CancelWaits(Handle),
    FreeWaits(Handle),
    Names(i32),
    Simple(Text<'a>, Text<'a>, Text<'a>, bool),
}

#[derive(Default)]
struct Handles {
    config: *mut zmd_config,
    client: *mut zmd_client,
    waits: *mut zmd_waits,
}

impl Handles {
    fn pick(&self, handle: &Handle) -> *mut c_void {
        match handle {
            Handle::Null => null_mut(),
            Handle::Config => self.config.cast(),
            Handle::Client => self.client.cast(),
            Handle::Waits => self.waits.cast(),
        }
    }
}

fn text(text: &Text, good: &str) -> Option<CString> {
    match text {
        Text::Null => None,
        Text::Good => CString::new(good).ok(),
        Text::Any(bytes) => CString::new(bytes.iter().copied().filter(|b| *b != 0).collect::<Vec<_>>()).ok(),
    }
}

fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(null(), |text| text.as_ptr())
}

unsafe extern "C" fn progress(_: *mut c_void, index: usize, _: i32, status: *const zmd_status) -> i32 {
    if index == 1 {
        zmd_progress_end_job();
    }
    i32::from(unsafe { zmd_status_has_ended(status) } == 0 && zmd_progress_elapsed_ms() > 50)
}

fuzz_target!(|steps: Vec<Step>| {
    let server = Server::start();
    server.play([http(200, br#"{"data":[{"Status":"COMPLETED","Total_Count":1,"Deleted_Count":1}]}"#)]);
    let keys = ["api_domain", "access_token", "timeout_ms", "max_retries", "proxy", "poll_min_ms", "unreachable_ms"];
    let good = [&*server.url, TOKEN, "200", "0", "none", "5", "20"];
    let mut handles = Handles::default();
    let mut status = MaybeUninit::<[zmd_status; 4]>::uninit();
    let mut errors = MaybeUninit::<[zmd_error; 4]>::uninit();
    // SAFETY: what the functions' documentation requires: handles are live, of some kind, or NULL; strings are terminated.
    unsafe {
        for step in steps.iter().take(40) {
            match step {
                Step::NewConfig if handles.config.is_null() => {
                    zmd_config_new(&mut handles.config);
                    for (key, value) in keys.iter().zip(good) {
                        let (key, value) = (CString::new(*key).unwrap(), CString::new(value).unwrap());
                        zmd_config_set(handles.config, key.as_ptr(), value.as_ptr());
                    }
                }
                Step::FreeConfig(handle) => {
                    zmd_config_free(handles.pick(handle).cast());
                    if matches!(handle, Handle::Config) {
                        handles.config = null_mut();
                    }
                }
                // The files of the machine, and hosts other than this one, are out of bounds.
                Step::Set(handle, key, value) if usize::from(*key) < keys.len() && *key > 1 && *key != 4 => {
                    let key = usize::from(*key);
                    let (name, value) = (CString::new(keys[key]).unwrap(), text(value, good[key]));
                    zmd_config_set(handles.pick(handle).cast(), name.as_ptr(), pointer(&value));
                    let limits =
                        [("timeout_ms", "200"), ("poll_min_ms", "5"), ("unreachable_ms", "20"), ("max_retries", "0")];
                    for (key, value) in limits {
                        let (key, value) = (CString::new(key).unwrap(), CString::new(value).unwrap());
                        zmd_config_set(handles.config, key.as_ptr(), value.as_ptr());
                    }
                }
                Step::NewClient(handle) if handles.client.is_null() && !matches!(handle, Handle::Null) => {
                    zmd_client_new(handles.pick(handle).cast(), &mut handles.client);
                }
                Step::Clone(handle) => {
                    let mut clone = null_mut();
                    zmd_client_clone(handles.pick(handle).cast(), &mut clone);
                    zmd_client_free(clone);
                }
                Step::SetToken(handle, token) => {
                    let token = text(token, TOKEN);
                    zmd_client_set_access_token(handles.pick(handle).cast(), pointer(&token));
                }
                Step::Status(handle, module, job_id, has_out) => {
                    let (module, job_id) = (text(module, "Leads"), text(job_id, "1001"));
                    let out = if *has_out { status.as_mut_ptr().cast() } else { null_mut() };
                    zmd_client_status(handles.pick(handle).cast(), pointer(&module), pointer(&job_id), out);
                    zmd_status_is_successful(out);
                    let mut line = [0x55_u8; 64];
                    let size = usize::from(*has_out) * 40;
                    zmd_status_text(out, line.as_mut_ptr().cast(), size);
                    assert!(CStr::from_bytes_until_nul(&line[..size]).is_ok() || size == 0);
                    assert!(line[size..].iter().all(|byte| *byte == 0x55));
                }
                Step::StatusWithin(handle, timeout) => {
                    let out = status.as_mut_ptr().cast();
                    zmd_client_status_within(
                        handles.pick(handle).cast(),
                        c"Leads".as_ptr(),
                        c"1001".as_ptr(),
                        *timeout % 300,
                        out,
                    );
                }
                Step::Wait(handle, module, job_id, timeout, has_progress) => {
                    let (module, job_id) = (text(module, "Leads"), text(job_id, "1001"));
                    let call: zmd_progress_fn = if *has_progress { Some(progress) } else { None };
                    zmd_client_wait(
                        handles.pick(handle).cast(),
                        pointer(&module),
                        pointer(&job_id),
                        i64::from(*timeout),
                        call,
                        null_mut(),
                        status.as_mut_ptr().cast(),
                    );
                }
                Step::Many(handle, count, has_statuses, is_wait) => {
                    let jobs = [(); 4].map(|()| zmd_job { module: c"Leads".as_ptr(), job_id: c"1001".as_ptr() });
                    let statuses = if *has_statuses { status.as_mut_ptr().cast() } else { null_mut() };
                    let (client, count) = (handles.pick(handle).cast(), usize::from(*count) % 5);
                    let errors = errors.as_mut_ptr().cast();
                    if *is_wait {
                        zmd_client_wait_many(
                            client,
                            jobs.as_ptr(),
                            count,
                            100,
                            Some(progress),
                            null_mut(),
                            statuses,
                            errors,
                        );
                    } else {
                        zmd_client_status_many(client, jobs.as_ptr(), count, statuses, errors);
                    }
                }
                Step::Cancel(handle) => {
                    zmd_client_cancel(handles.pick(handle).cast());
                }
                Step::FreeClient(handle) => {
                    zmd_client_free(handles.pick(handle).cast());
                    if matches!(handle, Handle::Client) {
                        handles.client = null_mut();
                    }
                }
                Step::NewWaits(handle) if handles.waits.is_null() => {
                    zmd_waits_new(handles.pick(handle).cast(), &mut handles.waits);
                }
                Step::Add(handle, module, job_id, timeout, is_status) => {
                    let (module, job_id) = (text(module, "Leads"), text(job_id, "1001"));
                    let add = if *is_status { zmd_waits_add_status } else { zmd_waits_add };
                    let waits = handles.pick(handle).cast();
                    add(waits, pointer(&module), pointer(&job_id), i64::from(*timeout), null_mut());
                }
                Step::Next(handle, timeout, has_out) => {
                    let mut event = MaybeUninit::<zmd_event>::uninit();
                    let out = if *has_out { event.as_mut_ptr() } else { null_mut() };
                    zmd_waits_handle(handles.pick(handle).cast());
                    zmd_waits_next(handles.pick(handle).cast(), i64::from(*timeout % 50), out);
                }
                Step::Remove(handle, id) => {
                    zmd_waits_remove(handles.pick(handle).cast(), *id % 8);
                }
                Step::CancelWaits(handle) => {
                    zmd_waits_cancel(handles.pick(handle).cast());
                }
                Step::FreeWaits(handle) => {
                    zmd_waits_free(handles.pick(handle).cast());
                    if matches!(handle, Handle::Waits) {
                        handles.waits = null_mut();
                    }
                }
                Step::Names(number) => {
                    for name in [zmd_error_name(*number), zmd_error_message(*number), zmd_state_name(*number)] {
                        assert!(!CStr::from_ptr(name).is_empty());
                    }
                    zmd_error_is_transient(*number);
                    zmd_is_successful(*number, i64::from(*number), i64::from(!*number), -1);
                    zmd_last_error_of_job(*number as usize);
                }
                Step::Simple(settings, module, job_id, has_out) => {
                    let whole =
                        format!("api_domain={};access_token=x;timeout_ms=200;max_retries=0;proxy=none", server.url);
                    let (settings, module, job_id) =
                        (text(settings, &whole), text(module, "Leads"), text(job_id, "1001"));
                    let mut state = 0;
                    let out = if *has_out { &raw mut state } else { null_mut() };
                    // Other strings may name other hosts.
                    if settings.as_ref().is_some_and(|text| text.as_bytes() == whole.as_bytes()) {
                        zmd_simple_status_with(
                            pointer(&settings),
                            pointer(&module),
                            pointer(&job_id),
                            out,
                            null_mut(),
                            null_mut(),
                            null_mut(),
                        );
                    }
                }
                _ => {}
            }
            assert!(CStr::from_ptr(zmd_last_error()).to_str().is_ok());
        }
        zmd_waits_free(handles.waits);
        zmd_client_free(handles.client);
        zmd_config_free(handles.config);
    }
});
