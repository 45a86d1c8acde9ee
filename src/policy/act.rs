//! What a person can do, and where it is done: the words of a permission question.

use crate::model::code::codes;

codes! {
    /// One verb of the broker. A returned or rejected request is asked under the step's signing act; a
    /// person's new password after a reset is `person_enrol`.
    Act, "act" {
        /// Reads a file of members.
        MemberImport = "member_import",
        /// Finds a member by an exact value.
        MemberLookUp = "member_look_up",
        /// Sees a member, masked.
        MemberShow = "member_show",
        /// Sees named fields of one member in clear, for a reason.
        MemberReveal = "member_reveal",
        /// Corrects a member's fields.
        MemberCorrect = "member_correct",
        /// Erases a member.
        MemberErase = "member_erase",
        /// Sees who saw or received a member's data.
        MemberWhoSaw = "member_who_saw",
        /// Grants or refuses in a member's name.
        ConsentSet = "consent_set",
        /// Sees a member's consents.
        ConsentShow = "consent_show",
        /// Adds contact points to the suppression list.
        SuppressionImport = "suppression_import",
        /// Drafts or edits a request.
        RequestDraft = "request_draft",
        /// Submits a request.
        RequestSubmit = "request_submit",
        /// Sees a request's counts.
        RequestPreview = "request_preview",
        /// Sees a request.
        RequestShow = "request_show",
        /// Lists requests.
        RequestList = "request_list",
        /// Signs, returns or rejects as head of the asking department.
        RequestSignDept = "request_sign_dept",
        /// Signs, returns or rejects for planning.
        RequestSignPlanning = "request_sign_planning",
        /// Signs, returns or rejects for member management.
        RequestSignMembership = "request_sign_membership",
        /// Takes a request back.
        RequestRecall = "request_recall",
        /// Executes a fully signed request.
        RequestExecute = "request_execute",
        /// Lists packages: status and counts.
        PackageList = "package_list",
        /// Fetches a package.
        PackageDownload = "package_download",
        /// Records the hand-off to the vendor.
        PackageHandOff = "package_hand_off",
        /// Destroys a package's key.
        PackageRecall = "package_recall",
        /// Adds a vendor or a vendor's key.
        VendorAdd = "vendor_add",
        /// Suspends a vendor, or lifts it.
        VendorSuspend = "vendor_suspend",
        /// Changes units, people and roles.
        OrgApply = "org_apply",
        /// Gives or resets a person's enrolment.
        PersonEnrol = "person_enrol",
        /// Suspends a person.
        PersonSuspend = "person_suspend",
        /// Reads the policy.
        PolicyShow = "policy_show",
        /// Proposes a policy.
        PolicyPropose = "policy_propose",
        /// Signs another's proposed policy.
        PolicySecond = "policy_second",
        /// Registers a covenant or notice version.
        CovenantAdd = "covenant_add",
        /// Exports the log.
        AuditExport = "audit_export",
        /// Types a new member in.
        MemberAdd = "member_add",
        /// Sees what was corrected of a member, when and by whom.
        MemberHistory = "member_history",
        /// Asks whether a value is a member's; learns yes or no.
        MemberVerify = "member_verify",
        /// Lists covenants and notices with their texts.
        DocumentList = "document_list",
        /// Sees alarms.
        AlarmList = "alarm_list",
        /// Says what an alarm was.
        AlarmAcknowledge = "alarm_acknowledge",
        /// Confirms a vendor's key that another registered.
        VendorConfirm = "vendor_confirm",
        /// Reads units, people and their roles.
        PeopleShow = "people_show",
    }
}

impl Act {
    /// The requirement and article a refusal of this act rests on.
    pub const fn rule(self) -> &'static str {
        use Act::*;
        match self {
            MemberImport | MemberLookUp | MemberShow | PersonEnrol | PersonSuspend => "B9",
            MemberReveal => "A10a (Art 10) / B9",
            MemberCorrect => "B12 / B9",
            MemberErase => "E6",
            MemberWhoSaw => "E4",
            MemberAdd => "C3 / B9",
            MemberHistory => "B12 / B9",
            MemberVerify => "F4 / B9",
            DocumentList => "B3",
            ConsentSet | SuppressionImport => "E5",
            ConsentShow => "B3",
            RequestDraft | RequestSubmit | RequestRecall => "A4c (Art 4)",
            RequestPreview | RequestShow | RequestList => "A5a (Art 5)",
            RequestSignDept | RequestSignPlanning | RequestSignMembership => "A6a (Art 6)",
            RequestExecute => "A6c (Art 6)",
            PackageList | PackageDownload => "A8c (Art 8)",
            PackageHandOff => "A8d (Art 8)",
            PackageRecall => "A9b (Art 9)",
            VendorAdd | VendorSuspend | VendorConfirm => "A9a (Art 9)",
            OrgApply | PeopleShow => "A4a (Art 4)",
            PolicyShow => "A11 (Art 11)",
            PolicyPropose | PolicySecond => "A12 (Art 12)",
            CovenantAdd => "A2 (Art 2)",
            AuditExport => "A1 (Art 1)",
            AlarmList | AlarmAcknowledge => "A10b (Art 10)",
        }
    }
}

codes! {
    /// Where the thing acted upon stands, seen from the caller's unit; the broker works it out.
    Place, "place" {
        /// The same headquarters or store, or a slot of this request that its chain (a step at
        /// headquarters, a deputy) gives to the caller's unit.
        Own = "own",
        /// Anywhere else.
        Other = "other",
    }
}
