// TmxdbLink, version 3: connects tmxdb to TMInterface 2. Installed by `tmxdb game install-plugin`.
//
// A TCP server on 127.0.0.1 with the protocol of the Python Link plugin, so that clients of one work with the other.
// The protocol is docs/reference/game-protocol.md in tmxdb's repository. Places where Python Link has a bug are marked.
// Only calls that TMInterface's API declares are used, and no try/catch, which older engines do not have.
//
// Messages from 24 on are tmxdb's own. A part between "// capability NAME" and "// end NAME" uses calls that a build of
// TMInterface may lack: `tmxdb game install-plugin --without NAME` leaves it out.
//
// Who may speak when: the plugin sends one of the messages 1 to 5, then reads (nowhere else) until the same number
// comes back, and handles the messages before it. The game stands still meanwhile.

enum Message
{
    RUN_STEP = 1,
    CHECKPOINT = 2,
    LAP = 3,
    FRAME = 4,
    GREETING = 5,
    SET_SPEED = 6,
    REWIND_TO_STATE = 7,
    REWIND_TO_CURRENT = 8,
    GET_STATE = 9,
    SET_INPUT = 10,
    GIVE_UP = 11,
    PREVENT_FINISH = 12,
    SHUTDOWN = 13,
    EXECUTE_COMMAND = 14,
    SET_TIMEOUT = 15,
    RACE_FINISHED = 16,
    REQUEST_FRAME = 17,
    RESET_CAMERA = 18,
    SET_STEP_PERIOD = 19,
    UNREQUEST_FRAME = 20,
    TOGGLE_INTERFACE = 21,
    IN_MENUS = 22,
    GET_INPUTS = 23,
    HELLO = 24,
    GET_GAME_STATE = 25,
    GET_MAP = 26,
    FOCUS_WINDOW = 27,
    GET_CAMERA = 28,
    GET_CAR = 29,
    GET_EVENTS = 30,
    SET_SCRIPT = 31,
    GET_SCRIPT = 32,
    READ_SCRIPT_FILE = 33,
    GET_USER_FOLDER = 34,
    FORCE_FRAME = 35,
    REPORT_STATES = 36,
    STATE_CHANGED = 37               // sent by the plugin, to clients that have sent REPORT_STATES
}

const int HELLO_REPLY = 1263291732;   // "TMLK"
const uint16 DEFAULT_PORT = 8478;
const uint DEFAULT_TIMEOUT_MS = 2000;
const int TICK_MS = 10;
const int MAX_BYTES = 1048576;      // of a command or a state; real ones have less than a tenth
const int MAX_SCRIPT_BYTES = 16777216;
const int MAX_PIXELS = 16777216;    // of a frame; four times the largest window
const uint SILENCE_MS = 1000;         // after this, a silent client is replaced by one that waits to connect
const uint ACCEPT_EVERY_MS = 100;
const uint LISTEN_EVERY_MS = 3000;

// The state of one connection. Python Link passes the timeout and the frame request of a replaced client to the next
// one, which then gets a picture of a size that it did not request.
class Client
{
    Net::Socket@ socket;
    uint timeout_ms = DEFAULT_TIMEOUT_MS;
    bool wants_frame = false;
    bool warned_about_size = false;
    int width = 0;
    int height = 0;
    bool greeted = false;
    bool awaits_menus = false;    // connected during the start-up screens
    bool reports_states = false;
    int state = 0;                // the last one it knows

    Client(Net::Socket@ connection)
    {
        @socket = connection;
    }
}

Net::Socket@ listener = null;
Client@ client = null;
int step_period_ms = TICK_MS;        // survives a reconnect
bool port_is_known = false;
uint16 listener_port = 0;            // open, or to be opened
uint64 next_listen = 0;

bool holding = false;
uint64 held_since = 0;
uint64 next_accept = 0;
array<int> postponed;                // three numbers for each message: number, current, target
// capability script
CommandList@ script = null;          // the one set by SET_SCRIPT
// end script
// capability render
bool is_forced = false;              // this frame is rendered on request, inside a wait
int forced_width = 0;
int forced_height = 0;
array<uint8>@ forced_pixels = null;
// end render

// ---- callbacks of TMInterface

PluginInfo@ GetPluginInfo()
{
    PluginInfo@ info = PluginInfo();
    info.Name = "TmxdbLink";
    info.Author = "tmxdb";
    info.Version = "3";
    info.Description = "Lets tmxdb drive this game (protocol of Python Link)";
    return info;
}

void Main()
{
    RegisterVariable("custom_port", double(DEFAULT_PORT));
    RegisterCustomCommand("tmxdb_link", "open the port of the variable custom_port (again)", OnOpenPort);
    // Queued after /configstring, which sets the variable. Until it has run there is no listener; Python Link has a
    // null pointer error in each frame before that.
    ExecuteCommand("tmxdb_link");
}

void OnDisabled()
{
    @client = null;
    @listener = null;
}

void OnOpenPort(int fromTime, int toTime, const string&in commandLine, const array<string>&in args)
{
    port_is_known = true;
    next_listen = 0;
    @listener = null;
    Listen();
}

void Render()
{
    // capability render
    if (is_forced)
    {
        is_forced = false;
        @forced_pixels = Capture(forced_width, forced_height);
        return;
    }
    // end render
    // A wait that ended with a script error leaves these set; a wait never spans two frames.
    holding = false;
    postponed.Clear();

    Listen();
    if (client is null || HasClient())    // a client accepted during a wait is greeted before the next one
        AcceptClient();
    Greet();
    SendState();
    SendFrame();
}

void OnRunStep(SimulationManager@ simManager)
{
    if (!HasClient() || holding)
        return;
    int race_time = simManager.get_RaceTime();
    // After the finish the race time is frozen: every tick is sent then, whatever the period.
    bool after_finish = simManager.get_TickTime() > race_time;
    if (after_finish || race_time % step_period_ms == 0)
    {
        if (Send(RUN_STEP) && Send(race_time))
            WaitFor(RUN_STEP);
    }
}

void OnCheckpointCountChanged(SimulationManager@ simManager, int current, int target)
{
    SendCount(CHECKPOINT, current, target);
}

void OnLapCountChanged(SimulationManager@ simManager, int current, int target)
{
    SendCount(LAP, current, target);
}

// ---- connections

uint16 WantedPort()
{
    double wanted = GetVariableDouble("custom_port");
    return wanted >= 1 && wanted <= 65535 ? uint16(wanted) : DEFAULT_PORT;
}

// Python Link reads the port once. Here a change counts as long as no client is connected: the lines of /configstring may
// run in the same frame as tmxdb_link, in any order.
void Listen()
{
    if (!port_is_known)
        return;
    uint16 port = WantedPort();
    if (port != listener_port && client is null)
    {
        @listener = null;
        listener_port = port;
        next_listen = 0;
    }
    if (listener !is null || Time::get_Now() < next_listen)
        return;
    port = listener_port;
    Net::Socket@ socket = Net::Socket();
    if (socket.Listen("127.0.0.1", port))
    {
        @listener = socket;
        log("TmxdbLink: Port set to " + int(port), Severity::Success);
        return;
    }
    // The game before this one may still be closing its port: Render() tries again.
    if (next_listen == 0)
        log("TmxdbLink: port " + int(port) + " is taken by another program, such as another game or the plugin Python_Link; trying again", Severity::Error);
    next_listen = Time::get_Now() + LISTEN_EVERY_MS;
}

// At most one per frame. The newest client replaces the one before.
void AcceptClient()
{
    if (listener is null)
        return;
    Net::Socket@ socket = listener.Accept(0);
    if (socket is null)
        return;
    socket.set_NoDelay(true);
    @client = Client(socket);
    client.awaits_menus = GetCurrentGameState() == TM::GameState::StartUp;
}

// In every state but the start-up screens, where commands have no effect. Sent from Render() and not from the callback
// of a state change: whether the menus are ready inside that callback is not established.
void Greet()
{
    if (client is null || client.greeted)
        return;
    if (client.awaits_menus && GetCurrentGameState() != TM::GameState::Menus)
        return;
    client.greeted = true;
    client.awaits_menus = false;
    if (Send(GREETING))
        WaitFor(GREETING);
}

// Tells the client that the state of the game has changed, before a picture of the new state. Polled in each frame: the
// callback of a state change comes at a moment that is not established.
void SendState()
{
    if (client is null || !client.greeted || !client.reports_states)
        return;
    int state = int(GetCurrentGameState());
    if (state == client.state)
        return;
    client.state = state;
    if (Send(STATE_CHANGED) && Send(state))
        WaitFor(STATE_CHANGED);
}

// Whether a client is to be sent events. One that connected while the game was held is greeted first.
bool HasClient()
{
    return client !is null && (client.greeted || client.awaits_menus);
}

void Drop(const string&in why)
{
    if (client is null)
        return;
    log("TmxdbLink: client dropped: " + why, Severity::Warning);
    @client = null;
}

// ---- sending and waiting

// Sends a number. Python Link does not check the result, so a killed client freezes the game until its timeout.
bool Send(int value)
{
    if (client is null)
        return false;
    if (client.socket.Write(value))
        return true;
    Drop("it closed the connection");
    return false;
}

// Whether giving up or rewinding calls back inside that call is not established. If so, the client is in the middle of
// an answer, and the message is sent right after it.
void SendCount(int message, int current, int target)
{
    if (!HasClient())
        return;
    if (holding)
    {
        postponed.Add(message);
        postponed.Add(current);
        postponed.Add(target);
        return;
    }
    if (Send(message) && Send(current) && Send(target))
        WaitFor(message);
}

void WaitFor(int answer)
{
    holding = true;
    ReadUntil(answer);
    holding = false;
    while (postponed.get_Length() > 0)
    {
        int message = postponed[0];
        int current = postponed[1];
        int target = postponed[2];
        postponed.RemoveAt(0, 3);
        SendCount(message, current, target);
    }
}

// Handles messages until `answer` comes. The numbers of other sync messages are ignored.
void ReadUntil(int answer)
{
    Client@ current = client;
    held_since = Time::get_Now();
    next_accept = held_since + SILENCE_MS;
    while (client is current && WaitForBytes(4))
    {
        int message = current.socket.ReadInt32();
        if (message == answer)
            return;
        Handle(message);
        next_accept = Time::get_Now() + SILENCE_MS;
    }
}

// Waits until that many bytes have arrived; false if the client was dropped. Python Link reads after the first byte,
// and what TMInterface returns for half a number is not established.
bool WaitForBytes(uint bytes)
{
    Client@ current = client;
    while (true)
    {
        // Checked before the bytes: a client that asks without end gets no more time.
        uint64 now = Time::get_Now();
        if (now - held_since > current.timeout_ms)
        {
            Drop("no answer for " + int64(current.timeout_ms) + " ms");
            return false;
        }
        if (current.socket.get_Available() >= bytes)
            return true;
        // Python Link does not notice a dead client. If another one waits to connect, do not wait any longer.
        if (now >= next_accept)
        {
            next_accept = now + ACCEPT_EVERY_MS;
            AcceptClient();
            if (client !is current)
                return false;
        }
    }
    return false;
}

// Takes a picture; only allowed inside Render(). The message has no size, so one byte too many or too few would corrupt
// the stream: null then, and the next frame tries again, when the window may have its size back.
array<uint8>@ Capture(int width, int height)
{
    vec2 size(width, height);
    array<uint8>@ pixels = Graphics::CaptureScreenshot(size);
    uint bytes = uint(width) * uint(height) * 4;
    if (pixels is null || pixels.get_Length() != bytes || size.x != width || size.y != height)
        return null;
    return pixels;
}

void SendFrame()
{
    if (client is null || !client.greeted || !client.wants_frame)
        return;
    Client@ current = client;
    array<uint8>@ pixels = Capture(current.width, current.height);
    if (pixels is null)
    {
        if (!current.warned_about_size)
            log("TmxdbLink: no frame of " + current.width + "x" + current.height + ": the window may be smaller", Severity::Warning);
        current.warned_about_size = true;
        return;
    }
    current.wants_frame = false;
    if (!Send(FRAME))
        return;
    // The result is ignored: whether it is false for a full buffer is not established. The client notices an incomplete
    // picture at the next number.
    current.socket.Write(pixels);
    WaitFor(FRAME);
    current.wants_frame = false;       // requests while a frame is unanswered have never counted
}

// ---- messages of the client

void Handle(int message)
{
    switch (message)
    {
    case RUN_STEP:
    case CHECKPOINT:
    case LAP:
    case FRAME:
    case GREETING:
    case STATE_CHANGED:
        return;
    case SET_SPEED:
        SetSpeed();
        return;
    case REWIND_TO_STATE:
        RewindToState();
        return;
    case REWIND_TO_CURRENT:
        RewindToCurrent();
        return;
    case GET_STATE:
        AnswerState();
        return;
    case SET_INPUT:
        SetInput();
        return;
    case GIVE_UP:
        if (InRace())
            GetSimulationManager().GiveUp();
        return;
    case PREVENT_FINISH:
        if (InRace())
            GetSimulationManager().PreventSimulationFinish();
        return;
    case SHUTDOWN:
        @client = null;
        return;
    case EXECUTE_COMMAND:
        Execute();
        return;
    case SET_TIMEOUT:
        if (WaitForBytes(4))
            client.timeout_ms = client.socket.ReadUint32();
        return;
    case RACE_FINISHED:
        Send(RaceFinished() ? 1 : 0);
        return;
    case REQUEST_FRAME:
        RequestFrame();
        return;
    case RESET_CAMERA:
        if (GetSimulationManager() !is null)
            GetSimulationManager().ResetCamera();
        return;
    case SET_STEP_PERIOD:
        SetStepPeriod();
        return;
    case UNREQUEST_FRAME:
        client.wants_frame = false;
        return;
    case TOGGLE_INTERFACE:
        if (WaitForBytes(4))
            ToggleRaceInterface(client.socket.ReadInt32() != 0);
        return;
    case IN_MENUS:
        Send(GetCurrentGameState() == TM::GameState::Menus ? 1 : 0);
        return;
    case GET_INPUTS:
        AnswerInputs();
        return;
    case HELLO:
        AnswerHello();
        return;
    case GET_GAME_STATE:
        Send(int(GetCurrentGameState()));
        return;
    // capability map
    case GET_MAP:
        AnswerMap();
        return;
    // end map
    // capability focus
    case FOCUS_WINDOW:
        Graphics::ShowGameWindow();
        Graphics::FocusGameWindow();
        return;
    // end focus
    // capability camera
    case GET_CAMERA:
        AnswerCamera();
        return;
    // end camera
    // capability car
    case GET_CAR:
        AnswerCar();
        return;
    // end car
    // capability events
    case GET_EVENTS:
        AnswerEvents();
        return;
    // end events
    // capability script
    case SET_SCRIPT:
        SetScript();
        return;
    case GET_SCRIPT:
        AnswerScript();
        return;
    case READ_SCRIPT_FILE:
        AnswerScriptFile();
        return;
    // end script
    // capability folder
    case GET_USER_FOLDER:
        SendText(IO::GetUserPath());
        return;
    // end folder
    // capability render
    case FORCE_FRAME:
        ForceFrame();
        return;
    // end render
    case REPORT_STATES:
        if (WaitForBytes(4))
        {
            client.reports_states = client.socket.ReadInt32() != 0;
            client.state = int(GetCurrentGameState());
        }
        return;
    }
    // Python Link reads what follows an unknown number as messages.
    Drop("unknown message " + message);
}

// What this plugin can do beyond Python Link: a line for each capability.
void AnswerHello()
{
    string text = "version 3\ngame_state\nstate_events\n";
    // capability map
    text += "map\n";
    // end map
    // capability focus
    text += "focus\n";
    // end focus
    // capability process
    text += "process " + uint64(IO::GetCurrentProcessId()) + "\n";
    // end process
    // capability camera
    text += "camera\n";
    // end camera
    // capability car
    text += "car\n";
    // end car
    // capability events
    text += "events\n";
    // end events
    // capability script
    text += "script\n";
    // end script
    // capability folder
    text += "folder\n";
    // end folder
    // capability render
    text += "render\n";
    // end render
    if (Send(HELLO_REPLY))
        SendText(text);
}

// capability map
void AnswerMap()
{
    TM::GameCtnChallenge@ challenge = GetCurrentChallenge();
    if (challenge is null)
        SendText("\n");
    else
        SendText(challenge.get_Uid() + "\n" + challenge.get_Name());
}

// end map
// capability camera
// The rows of the rotation, the position and the field of view: 13 numbers. Nothing without a camera.
void AnswerCamera()
{
    TM::GameCamera@ camera = GetCurrentCamera();
    if (camera is null)
    {
        SendText("");
        return;
    }
    iso4 at = camera.Location;
    SendText(Digits(at.Rotation.x) + Digits(at.Rotation.y) + Digits(at.Rotation.z) + Digits(at.Position) + Text::FormatFloat(camera.Fov, "e", 0, 8));
}

// Nine digits, which is as exact as a float.
string Digits(const vec3&in v)
{
    return Text::FormatFloat(v.x, "e", 0, 8) + " " + Text::FormatFloat(v.y, "e", 0, 8) + " " + Text::FormatFloat(v.z, "e", 0, 8) + " ";
}

// end camera
// capability car
// Wheels, engine and contacts, a line for each part. Nothing outside a race.
void AnswerCar()
{
    string text = "";
    SimulationManager@ sim = GetSimulationManager();
    if (sim !is null && sim.get_InRace())
    {
        SimulationWheels@ wheels = sim.get_Wheels();
        if (wheels !is null)
            text += WheelLine(wheels.get_FrontLeft()) + WheelLine(wheels.get_FrontRight()) + WheelLine(wheels.get_BackRight()) + WheelLine(wheels.get_BackLeft());
        if (sim.get_SceneVehicleCar() !is null)
            text += CarLines(sim.get_SceneVehicleCar());
    }
    SendText(text);
}

string Number(float value)
{
    return " " + Text::FormatFloat(value, "e", 0, 8);
}

string Flag(bool value)
{
    return value ? " 1" : " 0";
}

string WheelLine(TM::SceneVehicleCar::SimulationWheel@ wheel)
{
    if (wheel is null)
        return "";
    return "wheel" + Flag(wheel.RTState.HasGroundContact) + Flag(wheel.RTState.IsSliding) + Number(wheel.RTState.DamperAbsorbVal) + " " + int(wheel.RTState.get_ContactMaterialId()) + " " + wheel.RTState.NbGroundContacts + "\n";
}

string CarLines(TM::SceneVehicleCar@ car)
{
    string text = "engine" + Number(car.CarEngine.ActualRPM) + Number(car.CarEngine.MaxRPM) + Number(car.CarEngine.SlideFactor) + " " + car.CarEngine.Gear + " " + car.CarEngine.RearGear + " " + car.GearboxState + "\n";
    text += "inputs" + Number(car.InputGas) + Number(car.InputBrake) + Number(car.InputSteer) + "\n";
    text += "contact" + Flag(car.IsFreeWheeling) + Flag(car.IsSliding) + Flag(car.HasAnyLateralContact) + " " + int(car.Burnout) + "\n";
    text += "turbo " + int(car.Turbo) + Number(car.TurboBoostFactor) + " " + uint64(car.LastTurboTime) + "\n";
    return text + "speed" + Number(car.CurrentLocalSpeed.x) + Number(car.CurrentLocalSpeed.y) + Number(car.CurrentLocalSpeed.z) + "\n";
}

// end car
// capability events
// A line for each event: stored time, control in the words of scripts, value.
void AnswerEvents()
{
    string text = "";
    SimulationManager@ sim = GetSimulationManager();
    TM::InputEventBuffer@ events = null;
    if (sim !is null)
        @events = sim.get_InputEvents();
    if (events !is null)
    {
        EventIndices names = events.get_EventIndices();
        for (uint i = 0; i < events.get_Length(); i++)
        {
            int index = events[i].Value.EventIndex;
            bool analog = index == names.SteerId || index == names.GasId;
            int value = analog ? events[i].Value.get_Analog() : events[i].Value.get_Binary() ? 1 : 0;
            text += "" + uint64(events[i].Time) + " " + ControlName(index, names) + " " + value + "\n";
        }
    }
    SendText(text);
}

string ControlName(int index, const EventIndices&in names)
{
    if (index == names.AccelerateId)
        return "up";
    if (index == names.BrakeId)
        return "down";
    if (index == names.SteerLeftId)
        return "left";
    if (index == names.SteerRightId)
        return "right";
    if (index == names.SteerId)
        return "steer";
    if (index == names.GasId)
        return "gas";
    if (index == names.RespawnId)
        return "enter";
    if (index == names.RaceRunningId)
        return "running";
    return index == names.FinishLineId ? "finish" : "other";
}

// end events
// capability script
// Makes a text the current script. `ExecuteImmediately` is what public plugins use before SetCurrentCommandList.
void SetScript()
{
    int bytes = ReadLength(MAX_SCRIPT_BYTES);
    string text = "";
    if (bytes < 0 || !ReadText(bytes, text))
        return;
    CommandList@ list = CommandList();
    list.set_Content(text);
    list.Process(CommandListProcessOption::ExecuteImmediately);
    SetCurrentCommandList(list);
    @script = list;
}

// How many inputs the script has: -1 without a script, -2 while it is being processed.
void AnswerScript()
{
    if (script is null)
        Send(-1);
    else if (!script.get_IsFullyProcessed())
        Send(-2);
    else
        Send(int(script.get_InputCommands().get_Length()));
}

// Reads a file of the scripts folder, which shows that the game reads the folder that the client writes to.
void AnswerScriptFile()
{
    int bytes = ReadLength(MAX_BYTES);
    string name = "";
    if (bytes < 0 || !ReadText(bytes, name))
        return;
    CommandList@ list = CommandList(name);
    string text = "";
    if (list !is null)
        text = list.get_Content();
    SendText(text);
}

// end script
// capability render
// Renders the present tick and sends its picture: the number of bytes, 0 if it could not be taken, and the bytes. Known
// from the game: rendering this way resets the camera first, so the view differs from that of other frames.
void ForceFrame()
{
    if (!WaitForBytes(8))
        return;
    forced_width = client.socket.ReadInt32();
    forced_height = client.socket.ReadInt32();
    @forced_pixels = null;
    if (forced_width > 0 && forced_height > 0 && int64(forced_width) * int64(forced_height) <= MAX_PIXELS)
    {
        is_forced = true;
        Graphics::ForceGameRender();
        is_forced = false;
    }
    if (forced_pixels is null)
        Send(0);
    else if (Send(int(forced_pixels.get_Length())))
        client.socket.Write(forced_pixels);
    @forced_pixels = null;
}

// end render
void SendText(const string&in text)
{
    if (Send(int(text.get_Length())) && text.get_Length() > 0)
        client.socket.Write(text);
}

bool InRace()
{
    SimulationManager@ sim = GetSimulationManager();
    return sim !is null && sim.get_InRace();
}

void SetSpeed()
{
    if (!WaitForBytes(4))
        return;
    float speed = client.socket.ReadFloat();
    if (GetSimulationManager() is null)
        return;
    if (speed >= 0 && speed <= 1000)     // false for NaN
        GetSimulationManager().SetSpeed(speed);
    else
        log("TmxdbLink: a speed of " + speed + " was ignored", Severity::Warning);
}

void RewindToState()
{
    array<uint8>@ bytes = ReadBytes();
    if (bytes is null || !InRace())
        return;
    SimulationState state(bytes);
    GetSimulationManager().RewindToState(state);
}

void RewindToCurrent()
{
    if (!InRace())
        return;
    SimulationState@ state = GetSimulationManager().SaveState();
    if (state !is null)
        GetSimulationManager().RewindToState(state);
}

// Without a state, Python Link sends no reply, and the client misreads the next message. Here the reply has no bytes.
void AnswerState()
{
    SimulationManager@ sim = GetSimulationManager();
    SimulationState@ state = null;
    if (sim !is null)
        @state = sim.SaveState();
    array<uint8>@ bytes = null;
    if (state !is null)
        @bytes = state.ToArray();
    if (bytes is null)
        Send(0);
    else if (Send(int(bytes.get_Length())))
        client.socket.Write(bytes);
}

void AnswerInputs()
{
    SimulationManager@ sim = GetSimulationManager();
    TM::InputEventBuffer@ events = null;
    if (sim !is null)
        @events = sim.get_InputEvents();
    string text = "";
    if (events !is null)
        text = events.ToCommandsText();
    SendText(text);
}

void SetInput()
{
    if (!WaitForBytes(4))
        return;
    int left = client.socket.ReadUint8();
    int right = client.socket.ReadUint8();
    int accelerate = client.socket.ReadUint8();
    int brake = client.socket.ReadUint8();
    if (!InRace())
        return;
    SimulationManager@ sim = GetSimulationManager();
    sim.SetInputState(InputType::Left, left);
    sim.SetInputState(InputType::Right, right);
    sim.SetInputState(InputType::Up, accelerate);
    sim.SetInputState(InputType::Down, brake);
}

void Execute()
{
    int bytes = ReadLength(MAX_BYTES);
    string command = "";
    if (bytes > 0 && ReadText(bytes, command))
        ExecuteCommand(command);
}

bool RaceFinished()
{
    SimulationManager@ sim = GetSimulationManager();
    if (sim is null)
        return false;
    if (sim.get_PlayerInfo() !is null && sim.get_PlayerInfo().RaceFinished)
        return true;
    return sim.get_TickTime() > sim.get_RaceTime();
}

// An invalid size cancels the request.
void RequestFrame()
{
    if (!WaitForBytes(8))
        return;
    int width = client.socket.ReadInt32();
    int height = client.socket.ReadInt32();
    if (int64(width) * int64(height) > MAX_PIXELS)
    {
        Drop("it requested a frame of " + width + "x" + height);
        return;
    }
    client.width = width;
    client.height = height;
    client.wants_frame = width > 0 && height > 0;
    client.warned_about_size = false;
}

// In Python Link 0 is a division by zero in each tick, so no run step comes. Here it means every tick. A negative
// period counts as its absolute value.
void SetStepPeriod()
{
    if (!WaitForBytes(4))
        return;
    int period_ms = client.socket.ReadInt32();
    step_period_ms = period_ms == 0 ? TICK_MS : period_ms;
}

// ---- bytes

// Reads a length; -1 if the client was dropped.
int ReadLength(int at_most)
{
    if (!WaitForBytes(4))
        return -1;
    int bytes = client.socket.ReadInt32();
    if (bytes >= 0 && bytes <= at_most)
        return bytes;
    Drop("it sent a message of " + bytes + " bytes");
    return -1;
}

// How many of the remaining bytes can be read now: long messages arrive in parts. 0 if the client was dropped.
int AvailablePart(int rest)
{
    if (!WaitForBytes(1))
        return 0;
    uint available = client.socket.get_Available();
    return available < uint(rest) ? int(available) : rest;
}

// False if the client was dropped.
bool ReadText(int bytes, string&out text)
{
    string read = "";
    for (int rest = bytes; rest > 0;)
    {
        int part = AvailablePart(rest);
        if (part == 0)
            return false;
        read += client.socket.ReadString(part);
        rest -= part;
    }
    text = read;
    return true;
}

array<uint8>@ ReadBytes()
{
    int rest = ReadLength(MAX_BYTES);
    if (rest < 0)
        return null;
    array<uint8>@ all = array<uint8>();
    while (rest > 0)
    {
        int part = AvailablePart(rest);
        if (part == 0)
            return null;
        array<uint8>@ read = client.socket.ReadBytes(part);
        for (uint i = 0; i < read.get_Length(); i++)
            all.Add(read[i]);
        rest -= part;
    }
    return all;
}
