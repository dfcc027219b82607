//! Calls as a C program makes them.

use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr::null_mut;

use super::names::ZMD_OK;
use super::*;
use zmd_core::ErrorKind;

fn last_error() -> String {
    // SAFETY: never NULL, always NUL-terminated.
    unsafe { CStr::from_ptr(zmd_last_error()) }.to_str().unwrap().to_owned()
}

/// Has no token, and says so.
unsafe extern "C" fn refuse(calls: *mut c_void, refused: *const c_char, token: *mut c_char, size: usize) -> i32 {
    assert!(refused.is_null() && size > 4096);
    // SAFETY: the test passes its counter; the message fits.
    unsafe {
        *calls.cast::<u32>() += 1;
        std::ptr::copy_nonoverlapping(c"the vault is sealed".as_ptr(), token, 20);
    }
    1
}

unsafe extern "C" fn progress(seen: *mut c_void, index: usize, error: i32, status: *const zmd_status) -> i32 {
    // SAFETY: the test passes its list, and the library a status.
    unsafe {
        (*seen.cast::<Vec<(usize, i32, i64)>>()).push((index, error, (*status).total_count));
    }
    assert!(zmd_progress_elapsed_ms() >= 0 && zmd_progress_next_poll_ms() == -1);
    0
}

/// Each kind of call, up to the network, which it does not reach: what Miri can run.
#[test]
fn the_calls_of_a_program_without_a_token() {
    let (mut calls, mut seen) = (0_u32, Vec::<(usize, i32, i64)>::new());
    let user_data = &raw mut calls;
    // Hosts without alignment rules pass any address.
    let mut room = vec![0xAA_u8; size_of::<zmd_status>() + 1];
    // SAFETY: the handles are live, the strings end with NUL, and the results have room.
    unsafe {
        let mut config = null_mut();
        assert_eq!(zmd_config_new(null_mut()), ErrorKind::NullPointer as i32);
        assert_eq!(zmd_config_new(&mut config), ZMD_OK);
        assert_eq!(zmd_config_set(config, c"data_center".as_ptr(), c"eu".as_ptr()), ZMD_OK);
        assert_eq!(zmd_config_set(config, c"data_center".as_ptr(), c"\xff".as_ptr()), ErrorKind::InvalidConfig as i32);
        assert_eq!(zmd_config_set(config, c"no_such_key".as_ptr(), null_mut()), ErrorKind::NullPointer as i32);
        let mut client = null_mut();
        assert_eq!(zmd_client_new(config, &mut client), ErrorKind::InvalidConfig as i32);
        assert!(client.is_null() && last_error().contains("access_token"), "{}", last_error());
        assert_eq!(zmd_config_set_token_provider(config, Some(refuse), user_data.cast()), ZMD_OK);
        assert_eq!(zmd_client_new(config, &mut client), ZMD_OK);
        zmd_config_free(config);
        assert_eq!(zmd_client_new(client.cast(), &mut null_mut()), ErrorKind::InvalidArgument as i32);
        let mut clone = null_mut();
        assert_eq!(zmd_client_clone(client, &mut clone), ZMD_OK);

        let (leads, job) = (c"Leads".as_ptr(), c"1001".as_ptr());
        let status = room.as_mut_ptr().wrapping_add(1).cast::<zmd_status>();
        assert_eq!(zmd_client_status(client, leads, job, status), ErrorKind::Oauth as i32);
        assert!(last_error().contains("the vault is sealed"), "{}", last_error());
        assert_eq!(status.read_unaligned().total_count, -1);
        assert_eq!(zmd_client_status(client, leads, c"no id".as_ptr(), status), ErrorKind::InvalidArgument as i32);
        assert_eq!(zmd_client_status(client, null_mut(), job, status), ErrorKind::NullPointer as i32);
        let list = &raw mut seen;
        assert_eq!(
            zmd_client_wait(clone, leads, job, -1, Some(progress), list.cast(), status),
            ErrorKind::Oauth as i32
        );

        let jobs = [zmd_job { module: leads, job_id: job }, zmd_job { module: leads, job_id: null_mut() }];
        let mut statuses = vec![0_u8; 2 * size_of::<zmd_status>()];
        let mut errors = [ZMD_OK; 2];
        let many = zmd_client_wait_many(
            client,
            jobs.as_ptr(),
            2,
            -1,
            Some(progress),
            list.cast(),
            statuses.as_mut_ptr().cast(),
            errors.as_mut_ptr(),
        );
        assert_ne!(many, ZMD_OK);
        assert_eq!(errors, [ErrorKind::Oauth as i32, ErrorKind::NullPointer as i32]);
        assert!(CStr::from_ptr(zmd_last_error_of_job(0)).to_str().unwrap().contains("sealed"));
        assert!(CStr::from_ptr(zmd_last_error_of_job(1)).to_str().unwrap().contains("job_id"));
        assert_eq!((zmd_last_error_code_of_job(2).read(), zmd_last_error_code().read()), (0, 0));
        // The next call forgets them.
        zmd_client_cancel(clone);
        assert_eq!((zmd_last_error_of_job(0).read(), zmd_last_error().read()), (0, 0));

        let (mut waits, mut id) = (null_mut(), 0);
        assert_eq!(zmd_waits_new(client, &mut waits), ZMD_OK);
        assert_eq!(zmd_waits_add(waits, leads, job, -1, &mut id), ZMD_OK);
        let mut event = MaybeUninit::<zmd_event>::uninit();
        assert_eq!(zmd_waits_next(waits, -1, event.as_mut_ptr()), ZMD_OK);
        let event = event.assume_init();
        assert_eq!((event.id, event.error, event.has_ended), (id, ErrorKind::Oauth as i32, 1));
        assert_eq!(zmd_waits_cancel(waits), ZMD_OK);
        zmd_client_cancel(client);
        zmd_waits_free(waits);
        zmd_client_free(client);
        zmd_client_free(clone);
    }
    assert!(calls >= 4, "{calls}");
    assert_eq!(seen, [(0, ErrorKind::Oauth as i32, -1); 2]);
}

/// A client without a token, whose calls end before the network.
fn client_without_a_token() -> *mut zmd_client {
    let (mut config, mut client) = (null_mut(), null_mut());
    // SAFETY: the pointers are valid.
    unsafe {
        assert_eq!(zmd_config_new(&mut config), ZMD_OK);
        assert_eq!(zmd_config_set_token_provider(config, Some(has_none), null_mut()), ZMD_OK);
        assert_eq!(zmd_client_new(config, &mut client), ZMD_OK);
        zmd_config_free(config);
    }
    client
}

unsafe extern "C" fn has_none(_: *mut c_void, _: *const c_char, _: *mut c_char, _: usize) -> i32 {
    1
}

fn error_of_job(index: usize) -> &'static CStr {
    // SAFETY: never NULL, always NUL-terminated; the tests compare it before the next call.
    unsafe { CStr::from_ptr(zmd_last_error_of_job(index)) }
}

/// Queries three jobs whose ids are NULL, with the client that it is passed.
unsafe extern "C" fn query_three(client: *mut c_void, index: usize, _: i32, _: *const zmd_status) -> i32 {
    assert!(error_of_job(0).is_empty(), "of the call before");
    let jobs = [(); 3].map(|()| zmd_job { module: c"Leads".as_ptr(), job_id: null_mut() });
    let (mut statuses, mut errors) = ([const { MaybeUninit::<zmd_status>::uninit() }; 3], [ZMD_OK; 3]);
    let (statuses, errors) = (statuses.as_mut_ptr().cast(), errors.as_mut_ptr());
    // SAFETY: the arrays have three elements.
    let result = unsafe { zmd_client_status_many(client.cast(), jobs.as_ptr(), 3, statuses, errors) };
    assert_eq!(result, ErrorKind::NullPointer as i32);
    assert!(index < 2 && error_of_job(2) == c"job_id is NULL");
    0
}

#[test]
fn a_call_for_many_jobs_in_a_callback_leaves_the_errors_of_the_outer_one() {
    let client = client_without_a_token();
    let jobs = [c"1001", c"1002"].map(|job_id| zmd_job { module: c"Leads".as_ptr(), job_id: job_id.as_ptr() });
    let (mut statuses, mut errors) = ([const { MaybeUninit::<zmd_status>::uninit() }; 2], [ZMD_OK; 2]);
    let (statuses, errors) = (statuses.as_mut_ptr().cast(), errors.as_mut_ptr());
    // SAFETY: the arrays have two elements.
    unsafe {
        zmd_client_wait_many(client, jobs.as_ptr(), 2, -1, Some(query_three), client.cast(), statuses, errors);
        for index in 0..2 {
            assert!(error_of_job(index).to_str().unwrap().contains("token provider"), "{:?}", error_of_job(index));
        }
        assert!(error_of_job(2).is_empty());
        zmd_client_free(client);
    }
}

#[test]
fn a_count_beyond_memory_is_refused_and_nothing_is_written() {
    let client = client_without_a_token();
    let job = zmd_job { module: c"Leads".as_ptr(), job_id: c"1001".as_ptr() };
    let mut status = MaybeUninit::<[u8; size_of::<zmd_status>()]>::new([7; _]);
    let mut error = 7;
    for count in [usize::MAX, isize::MAX as usize, isize::MAX as usize / 64 + 1] {
        // SAFETY: the elements beyond the first are not touched.
        unsafe {
            let statuses = status.as_mut_ptr().cast();
            let result = zmd_client_status_many(client, &job, count, statuses, &mut error);
            assert_eq!(result, ErrorKind::InvalidArgument as i32);
            assert!(last_error().contains("count"), "{}", last_error());
            assert_eq!((status.assume_init(), error), ([7; _], 7));
        }
    }
    // SAFETY: it is not used any more.
    unsafe { zmd_client_free(client) };
}

#[test]
fn freeing_leaves_the_last_error() {
    let client = client_without_a_token();
    // SAFETY: the handles are live, or NULL.
    unsafe {
        assert_eq!(zmd_client_set_access_token(client, c"".as_ptr()), ErrorKind::InvalidArgument as i32);
        let before = last_error();
        zmd_client_free(client);
        zmd_config_free(null_mut());
        zmd_waits_free(null_mut());
        assert_eq!(last_error(), before);
    }
}

/// With Miri, which finds two exclusive references.
#[test]
fn threads_make_clients_of_one_configuration() {
    let mut room = [MaybeUninit::<u8>::uninit(); size_of::<*mut zmd_config>() + 1];
    // Hosts without alignment rules pass any address.
    let place = room.as_mut_ptr().wrapping_add(1).cast::<*mut zmd_config>();
    // SAFETY: there is room for a pointer, and the configuration does not change while threads read it.
    unsafe {
        assert_eq!(zmd_config_new(place), ZMD_OK);
        let config = place.read_unaligned();
        assert_eq!(zmd_config_set(config, c"access_token".as_ptr(), c"1000.x".as_ptr()), ZMD_OK);
        assert_eq!(zmd_config_set(config, c"proxy".as_ptr(), c"none".as_ptr()), ZMD_OK);
        let shared = config as usize;
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(move || {
                    let mut client = null_mut();
                    assert_eq!(zmd_client_new(shared as *const zmd_config, &mut client), ZMD_OK);
                    zmd_client_free(client);
                });
            }
        });
        zmd_config_free(config);
    }
}
