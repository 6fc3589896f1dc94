// The calls of TMInterface's plugin API that the plugin uses, as declared in angel-lsp's
// `examples/Trackmania Nations Forever/as.predefined`. A call that is not declared here does not compile.
#pragma once

#include "game.hpp"
#include "script_types.hpp"
#include "sockets.hpp"

#include <chrono>

struct Vec2
{
    float x, y;
};

struct Vec3
{
    float x, y, z;
};

struct Mat3
{
    Vec3 x, y, z;
};

struct Iso4
{
    Mat3 Rotation;
    Vec3 Position;
};

// What the plugin asks about the car and the camera. The tests know these numbers.
struct Camera
{
    Iso4 Location{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0.1f, 10, -5}};
    float Fov = 75;
};

struct WheelState
{
    float DamperAbsorbVal;
    bool HasGroundContact, IsSliding;
    int NbGroundContacts, material;
};

struct Wheel
{
    WheelState RTState;
};

struct Engine
{
    float MaxRPM = 11000, ActualRPM = 4321.5f, SlideFactor = 1;
    int Gear = 3, RearGear = 0;
};

struct Car
{
    float InputGas = 1, InputBrake = 0, InputSteer = -0.5f, TurboBoostFactor = 0.25f;
    int GearboxState = 1;
    Engine CarEngine;
    bool HasAnyLateralContact = true, IsFreeWheeling = false, IsSliding = true;
    unsigned LastTurboTime = 1230;
    int Turbo = 1, Burnout = 2;
    Vec3 CurrentLocalSpeed{1, 2, 30};
};

struct EventIndices
{
    int RaceRunningId = 0, FinishLineId = 1, AccelerateId = 2, BrakeId = 3, SteerLeftId = 4, SteerRightId = 5, SteerId = 6, GasId = 7, RespawnId = 8, HornId = 9;
};

struct EventValue
{
    signed char EventIndex;
    int value;
};

struct Event
{
    asUINT Time;
    EventValue Value;
};

struct InputCommand
{
    int Timestamp;
};

// A script. It is processed when `script-frames` frames have passed.
struct CommandList
{
    std::string content;
    int frames_left = 0;
    int references = 1;
    void add_ref() { references++; }
    void release()
    {
        if (--references == 0)
            delete this;
    }
};

// The info of a plugin.
struct PluginInfo
{
    std::string Author, Name, Description, Version;
    int references = 1;
    void add_ref() { references++; }
    void release()
    {
        if (--references == 0)
            delete this;
    }
};

struct SavedState : Saved
{
    int references = 1;
    void add_ref() { references++; }
    void release()
    {
        if (--references == 0)
            delete this;
    }
};

struct Command
{
    asIScriptFunction* callback;
};

// What the declared functions act on: one game per process, as in the real one.
inline Game game;
inline asIScriptEngine* engine;
inline std::vector<std::string> queued;          // console lines for a later frame
inline std::map<std::string, Command> commands;  // registered by the plugin
inline std::function<void()> render;             // the plugin's callback, for ForceGameRender
inline std::vector<Event> events;
inline Camera camera;
inline Car car;
inline Wheel wheels[] = {{{0.125f, true, false, 2, 16}}, {{0.25f, true, false, 1, 16}}, {{0.5f, false, true, 0, 6}}, {{1, true, true, 1, 2}}};
inline CommandList* current_list = nullptr;

namespace api
{
inline void throw_in_script(const char* what) { asGetActiveContext()->SetException(what); }

inline Vec2 corner(float x, float y) { return {x, y}; }
inline void make_vec2(float x, float y, Vec2* at) { *at = corner(x, y); }

// The first four bytes are the race time that the picture shows; the others repeat its low byte.
inline CScriptArray* capture(Vec2& size)
{
    if (game.no_pictures)
        return nullptr;
    size.x = std::min(size.x, float(game.window_width));
    size.y = std::min(size.y, float(game.window_height));
    std::string pixels(size_t(size.x) * size_t(size.y) * 4, char(game.race_time & 0xFF));
    if (game.bad_pictures == 1)
        pixels.resize(pixels.size() / 2);
    if (game.bad_pictures == 2)
        std::swap(size.x, size.y);
    if (pixels.size() >= 4)
        std::memcpy(&pixels[0], &game.race_time, 4);
    return list::of_bytes(engine, pixels);
}

inline asQWORD now()
{
    using namespace std::chrono;
    return asQWORD(duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

inline void log(const std::string& text, int severity)
{
    const char* const words[] = {"info", "success", "warning", "error"};
    game.say(std::string("log ") + words[severity & 3] + " " + text);
}

inline void execute(const std::string& line, int) { queued.push_back(line); }
inline bool register_variable(const std::string& name, double value)
{
    game.variables.emplace(name, text::to_text(value));
    return true;
}
inline double variable(const std::string& name) { return std::atof(game.variables[name].c_str()); }
inline void register_command(const std::string& name, const std::string&, asIScriptFunction* callback) { commands[name] = {callback}; }
inline int state() { return game.state; }
inline void show_interface(bool shown) { game.say(shown ? "interface 1" : "interface 0"); }
inline Game* manager() { return &game; }
inline Game* challenge() { return game.map_uid.empty() ? nullptr : &game; }
inline std::string challenge_uid(Game& of) { return of.map_uid; }
inline std::string challenge_name(Game& of) { return of.map_name; }
inline asUINT process_id() { return asUINT(getpid()); }
inline void focus_window() { game.say("focus window"); }
inline void show_window() { game.say("show window"); }

inline std::string format(double value, const std::string& options, asUINT, asUINT precision)
{
    char out[64];
    std::snprintf(out, sizeof out, options == "e" ? "%.*e" : "%.*f", int(precision), value);
    return out;
}
inline std::string user_path() { return "C:\\users\\player\\Documents\\TMInterface\\"; }
inline Camera* current_camera() { return game.in_race() ? &camera : nullptr; }
inline Wheel* all_wheels(Game&) { return wheels; }
template <int number> Wheel* wheel(Wheel& first) { return &first + number; }
inline int material(WheelState& of) { return of.material; }
inline Car* vehicle(Game&) { return &car; }
inline void force_render()
{
    game.say("forced frame");
    if (!game.refuses_to_render)
        render();
}

inline asUINT event_count(void*) { return asUINT(events.size()); }
inline Event& event_at(asUINT index, void*) { return events.at(index); }
inline EventIndices event_indices(void*) { return {}; }
inline bool binary(EventValue& of) { return of.value != 0; }
inline int analog(EventValue& of) { return of.value; }

inline CommandList* new_list() { return new CommandList; }
inline CommandList* read_list(const std::string& name)
{
    auto* list = new CommandList;
    list->content = game.script_files[name];
    return list;
}
inline std::string content(CommandList& of) { return of.content; }
inline void set_content(const std::string& text, CommandList& of) { of.content = text; }
inline void process(int, CommandList& of) { of.frames_left = game.script_frames; }
inline bool is_processed(CommandList& of) { return of.frames_left <= 0; }
inline CScriptArray* input_commands(CommandList& of)
{
    auto* array = CScriptArray::Create(engine->GetTypeInfoByDecl("array<InputCommand>"));
    for (char letter : of.content)
        if (letter == '\n')
            array->Resize(array->GetSize() + 1);
    return array;
}
inline void set_list(CommandList* list)
{
    if (current_list)
        current_list->release();
    current_list = list;
    game.say("script " + (list ? list->content : ""));
}

inline void set_speed(Game& of, float speed)
{
    of.say("speed " + text::to_text(speed));
    of.speed = speed;
}
inline void give_up(Game& of)
{
    of.say("give up");
    of.give_up();
}
inline void reset_camera(Game& of) { of.say("reset camera"); }
inline void prevent_finish(Game& of) { of.say("prevent finish"); }
inline void press(int key, int value, Game& of)
{
    const int order[] = {1, 0, 2, 3}; // InputType: down, up, left, right; a state has accelerate first
    of.press(order[key & 3], value);
    of.say("press " + text::to_text(key) + " " + text::to_text(value));
}
inline int race_time(Game& of) { return of.race_time; }
inline int tick_time(Game& of) { return of.tick_time; }
inline bool in_race(Game& of) { return of.in_race(); }
inline PlayerInfo* player(Game& of)
{
    static PlayerInfo never;
    return of.flagless ? &never : &of.player;
}
inline std::string* input_events(Game& of) { return &of.inputs; }
inline std::string as_text(int, std::string& inputs) { return inputs; }

inline SavedState* save(Game& of)
{
    if (of.bad_states)
        throw_in_script("no state here");
    if (of.bad_states || of.no_states)
        return nullptr;
    auto* saved = new SavedState;
    saved->bytes = of.save().bytes;
    return saved;
}
inline SavedState* state_of(const CScriptArray& bytes)
{
    auto* saved = new SavedState;
    saved->bytes = list::to_bytes(bytes);
    return saved;
}
inline CScriptArray* bytes_of(SavedState& saved) { return list::of_bytes(engine, saved.bytes); }
inline void rewind(const SavedState& saved, bool, Game& of)
{
    of.rewind(saved);
    of.say("rewind " + text::to_text(of.race_time));
}

template <typename T> T read_number(Socket& from)
{
    T value{};
    from.read_all(sizeof value).copy(reinterpret_cast<char*>(&value), sizeof value);
    return value;
}
template <typename T> bool write_number(T value, Socket& to) { return to.write_all(&value, sizeof value); }
inline Socket* make_socket() { return new Socket; }
inline bool write_text(const std::string& data, Socket& to) { return to.write_all(data.data(), data.size()); }
inline bool write_bytes(const CScriptArray& data, Socket& to)
{
    auto& readable = const_cast<CScriptArray&>(data);
    return to.write_all(readable.GetBuffer(), data.GetSize());
}
inline std::string read_text(unsigned bytes, Socket& from) { return from.read_all(bytes); }
inline CScriptArray* read_bytes(unsigned bytes, Socket& from) { return list::of_bytes(engine, from.read_all(bytes)); }

// Whether this build of TMInterface has the calls of a capability: the variable LACKS names those that it has not.
inline bool declares(const std::string& capability)
{
    const char* lacks = std::getenv("LACKS");
    return !lacks || (" " + std::string(lacks) + " ").find(" " + capability + " ") == std::string::npos;
}

inline void function(const char* declaration, const asSFuncPtr& called)
{
    must(engine->RegisterGlobalFunction(declaration, called, asCALL_CDECL), declaration);
}
inline void method(const char* type, const char* declaration, const asSFuncPtr& called, asDWORD call = asCALL_CDECL_OBJLAST)
{
    must(engine->RegisterObjectMethod(type, declaration, called, call), declaration);
}
inline void values(const char* type, std::initializer_list<std::pair<const char*, int>> of)
{
    must(engine->RegisterEnum(type), type);
    for (auto [name, value] : of)
        must(engine->RegisterEnumValue(type, name, value), name);
}
template <typename T> void counted(const char* type)
{
    must(engine->RegisterObjectType(type, 0, asOBJ_REF), type);
    must(engine->RegisterObjectBehaviour(type, asBEHAVE_ADDREF, "void f()", asMETHOD(T, add_ref), asCALL_THISCALL), type);
    must(engine->RegisterObjectBehaviour(type, asBEHAVE_RELEASE, "void f()", asMETHOD(T, release), asCALL_THISCALL), type);
}
inline void made_by(const char* type, const char* declaration, const asSFuncPtr& factory)
{
    must(engine->RegisterObjectBehaviour(type, asBEHAVE_FACTORY, declaration, factory, asCALL_CDECL), type);
}
inline void of_the_game(const char* type) { must(engine->RegisterObjectType(type, 0, asOBJ_REF | asOBJ_NOCOUNT), type); }

inline void register_net()
{
    engine->SetDefaultNamespace("Math");
    static const asUINT uint_max = 0xFFFFFFFF;
    must(engine->RegisterGlobalProperty("const uint UINT_MAX", const_cast<asUINT*>(&uint_max)), "UINT_MAX");
    engine->SetDefaultNamespace("Net");
    counted<Socket>("Socket");
    made_by("Socket", "Socket@ f()", asFUNCTION(make_socket));
    method("Socket", "bool Listen(const string&in host, uint16 port)", asMETHOD(Socket, listen_on), asCALL_THISCALL);
    method("Socket", "Socket@ Accept(uint timeoutMs = Math::UINT_MAX)", asMETHOD(Socket, accept_one), asCALL_THISCALL);
    method("Socket", "uint get_Available()", asMETHOD(Socket, available), asCALL_THISCALL);
    method("Socket", "void set_NoDelay(bool value)", asMETHOD(Socket, set_no_delay), asCALL_THISCALL);
    method("Socket", "string ReadString(uint bytes)", asFUNCTION(read_text));
    method("Socket", "array<uint8>@ ReadBytes(uint bytes)", asFUNCTION(read_bytes));
    method("Socket", "uint8 ReadUint8()", asFUNCTION(read_number<asBYTE>));
    method("Socket", "int ReadInt32()", asFUNCTION(read_number<int>));
    method("Socket", "uint ReadUint32()", asFUNCTION(read_number<asUINT>));
    method("Socket", "float ReadFloat()", asFUNCTION(read_number<float>));
    method("Socket", "bool Write(const string&in data)", asFUNCTION(write_text));
    method("Socket", "bool Write(const array<uint8>&in data)", asFUNCTION(write_bytes));
    method("Socket", "bool Write(int8 value)", asFUNCTION(write_number<signed char>));
    method("Socket", "bool Write(uint8 value)", asFUNCTION(write_number<asBYTE>));
    method("Socket", "bool Write(int value)", asFUNCTION(write_number<int>));
    method("Socket", "bool Write(uint value)", asFUNCTION(write_number<asUINT>));
    method("Socket", "bool Write(int64 value)", asFUNCTION(write_number<asINT64>));
    method("Socket", "bool Write(float value)", asFUNCTION(write_number<float>));
    method("Socket", "bool Write(double value)", asFUNCTION(write_number<double>));
    engine->SetDefaultNamespace("");
}

template <typename T> void plain(const char* type)
{
    must(engine->RegisterObjectType(type, sizeof(T), asOBJ_VALUE | asOBJ_POD | asGetTypeTraits<T>()), type);
}
inline void property(const char* type, const char* declaration, int offset)
{
    must(engine->RegisterObjectProperty(type, declaration, offset), declaration);
}

inline void register_car()
{
    engine->SetDefaultNamespace("TM");
    values("PlugSurfaceMaterialId", {{"Concrete", 0}, {"Grass", 2}, {"Dirt", 6}, {"Asphalt", 16}});
    engine->SetDefaultNamespace("TM::SceneVehicleCar::SimulationWheel");
    plain<WheelState>("RealTimeState");
    property("RealTimeState", "float DamperAbsorbVal", asOFFSET(WheelState, DamperAbsorbVal));
    property("RealTimeState", "bool HasGroundContact", asOFFSET(WheelState, HasGroundContact));
    property("RealTimeState", "bool IsSliding", asOFFSET(WheelState, IsSliding));
    property("RealTimeState", "int NbGroundContacts", asOFFSET(WheelState, NbGroundContacts));
    method("RealTimeState", "TM::PlugSurfaceMaterialId get_ContactMaterialId()", asFUNCTION(material));
    engine->SetDefaultNamespace("TM::SceneVehicleCar");
    values("BurnoutState", {{"None", 0}, {"Burnout", 1}, {"Donut", 2}, {"AfterBurnout", 3}});
    values("TurboType", {{"None", 0}, {"Normal", 1}, {"Roulette", 2}});
    of_the_game("SimulationWheel");
    property("SimulationWheel", "TM::SceneVehicleCar::SimulationWheel::RealTimeState RTState", asOFFSET(Wheel, RTState));
    plain<Engine>("Engine");
    property("Engine", "float MaxRPM", asOFFSET(Engine, MaxRPM));
    property("Engine", "float ActualRPM", asOFFSET(Engine, ActualRPM));
    property("Engine", "float SlideFactor", asOFFSET(Engine, SlideFactor));
    property("Engine", "int Gear", asOFFSET(Engine, Gear));
    property("Engine", "int RearGear", asOFFSET(Engine, RearGear));
    engine->SetDefaultNamespace("TM");
    of_the_game("SceneVehicleCar");
    const auto of = "SceneVehicleCar";
    property(of, "float InputGas", asOFFSET(Car, InputGas));
    property(of, "float InputBrake", asOFFSET(Car, InputBrake));
    property(of, "float InputSteer", asOFFSET(Car, InputSteer));
    property(of, "float TurboBoostFactor", asOFFSET(Car, TurboBoostFactor));
    property(of, "int GearboxState", asOFFSET(Car, GearboxState));
    property(of, "TM::SceneVehicleCar::Engine CarEngine", asOFFSET(Car, CarEngine));
    property(of, "bool HasAnyLateralContact", asOFFSET(Car, HasAnyLateralContact));
    property(of, "bool IsFreeWheeling", asOFFSET(Car, IsFreeWheeling));
    property(of, "bool IsSliding", asOFFSET(Car, IsSliding));
    property(of, "uint LastTurboTime", asOFFSET(Car, LastTurboTime));
    property(of, "TM::SceneVehicleCar::TurboType Turbo", asOFFSET(Car, Turbo));
    property(of, "TM::SceneVehicleCar::BurnoutState Burnout", asOFFSET(Car, Burnout));
    property(of, "vec3 CurrentLocalSpeed", asOFFSET(Car, CurrentLocalSpeed));
    engine->SetDefaultNamespace("");
    of_the_game("SimulationWheels");
    method("SimulationWheels", "TM::SceneVehicleCar::SimulationWheel@ get_FrontLeft()", asFUNCTION(wheel<0>));
    method("SimulationWheels", "TM::SceneVehicleCar::SimulationWheel@ get_FrontRight()", asFUNCTION(wheel<1>));
    method("SimulationWheels", "TM::SceneVehicleCar::SimulationWheel@ get_BackRight()", asFUNCTION(wheel<2>));
    method("SimulationWheels", "TM::SceneVehicleCar::SimulationWheel@ get_BackLeft()", asFUNCTION(wheel<3>));
    engine->SetDefaultNamespace("TM");
}

// Called with TM as the namespace.
inline void register_events()
{
    engine->SetDefaultNamespace("");
    plain<EventIndices>("EventIndices");
    const auto of = "EventIndices";
    property(of, "int RaceRunningId", asOFFSET(EventIndices, RaceRunningId));
    property(of, "int FinishLineId", asOFFSET(EventIndices, FinishLineId));
    property(of, "int AccelerateId", asOFFSET(EventIndices, AccelerateId));
    property(of, "int BrakeId", asOFFSET(EventIndices, BrakeId));
    property(of, "int SteerLeftId", asOFFSET(EventIndices, SteerLeftId));
    property(of, "int SteerRightId", asOFFSET(EventIndices, SteerRightId));
    property(of, "int SteerId", asOFFSET(EventIndices, SteerId));
    property(of, "int GasId", asOFFSET(EventIndices, GasId));
    property(of, "int RespawnId", asOFFSET(EventIndices, RespawnId));
    engine->SetDefaultNamespace("TM");
    plain<EventValue>("InputEventValue");
    property("InputEventValue", "int8 EventIndex", asOFFSET(EventValue, EventIndex));
    method("InputEventValue", "bool get_Binary()", asFUNCTION(binary));
    method("InputEventValue", "int get_Analog()", asFUNCTION(analog));
    plain<Event>("InputEvent");
    property("InputEvent", "uint Time", asOFFSET(Event, Time));
    property("InputEvent", "InputEventValue Value", asOFFSET(Event, Value));
    method("InputEventBuffer", "uint get_Length()", asFUNCTION(event_count));
    method("InputEventBuffer", "InputEvent& opIndex(uint index)", asFUNCTION(event_at));
    method("InputEventBuffer", "EventIndices get_EventIndices()", asFUNCTION(event_indices));
}

inline void register_scripts()
{
    plain<InputCommand>("InputCommand");
    property("InputCommand", "int Timestamp", asOFFSET(InputCommand, Timestamp));
    values("CommandListProcessOption", {{"OnlyParse", 0}, {"QueueAndExecute", 1}, {"ExecuteImmediately", 2}});
    counted<CommandList>("CommandList");
    made_by("CommandList", "CommandList@ f()", asFUNCTION(new_list));
    made_by("CommandList", "CommandList@ f(const string&in scriptRelativePath)", asFUNCTION(read_list));
    method("CommandList", "void Process(CommandListProcessOption option = CommandListProcessOption::QueueAndExecute)", asFUNCTION(process));
    method("CommandList", "bool get_IsFullyProcessed()", asFUNCTION(is_processed));
    method("CommandList", "string get_Content()", asFUNCTION(content));
    method("CommandList", "void set_Content(const string&in content)", asFUNCTION(set_content));
    method("CommandList", "array<InputCommand>@ get_InputCommands()", asFUNCTION(input_commands));
    function("void SetCurrentCommandList(CommandList@ commandList)", asFUNCTION(set_list));
}

inline void register_simulation()
{
    engine->SetDefaultNamespace("TM");
    of_the_game("PlayerInfo");
    must(engine->RegisterObjectProperty("PlayerInfo", "bool RaceFinished", asOFFSET(PlayerInfo, RaceFinished)), "RaceFinished");
    of_the_game("GameCtnChallenge");
    method("GameCtnChallenge", "string get_Uid()", asFUNCTION(challenge_uid));
    method("GameCtnChallenge", "string get_Name()", asFUNCTION(challenge_name));
    if (declares("camera"))
    {
        of_the_game("GameCamera");
        must(engine->RegisterObjectProperty("GameCamera", "iso4 Location", asOFFSET(Camera, Location)), "Location");
        must(engine->RegisterObjectProperty("GameCamera", "float Fov", asOFFSET(Camera, Fov)), "Fov");
    }
    if (declares("car"))
        register_car();
    of_the_game("InputEventBuffer");
    if (declares("events"))
        register_events();
    method("InputEventBuffer", "string ToCommandsText(InputFormatFlags flags = InputFormatFlags::Default)", asFUNCTION(as_text));
    values("GameState", {{"StartUp", START_UP}, {"Menus", MENUS}, {"LocalInit", LOADING}, {"LocalRace", RACE}, {"LocalRaceEndDialog", END_DIALOG}});
    engine->SetDefaultNamespace("");
    counted<SavedState>("SimulationState");
    made_by("SimulationState", "SimulationState@ f(const array<uint8>&in bytes)", asFUNCTION(state_of));
    method("SimulationState", "array<uint8>@ ToArray()", asFUNCTION(bytes_of));
    of_the_game("SimulationManager");
    const auto of = "SimulationManager";
    method(of, "void SetSpeed(float speed)", asFUNCTION(set_speed), asCALL_CDECL_OBJFIRST);
    method(of, "void GiveUp()", asFUNCTION(give_up));
    method(of, "void ResetCamera()", asFUNCTION(reset_camera));
    method(of, "void PreventSimulationFinish()", asFUNCTION(prevent_finish));
    method(of, "void SetInputState(InputType state, int value)", asFUNCTION(press));
    method(of, "SimulationState@ SaveState()", asFUNCTION(save));
    method(of, "void RewindToState(const SimulationState&in state, bool resetCamera = true)", asFUNCTION(rewind));
    method(of, "TM::PlayerInfo@ get_PlayerInfo()", asFUNCTION(player));
    method(of, "TM::InputEventBuffer@ get_InputEvents()", asFUNCTION(input_events));
    if (declares("car"))
    {
        method(of, "SimulationWheels@ get_Wheels()", asFUNCTION(all_wheels));
        method(of, "TM::SceneVehicleCar@ get_SceneVehicleCar()", asFUNCTION(vehicle));
    }
    method(of, "int get_RaceTime()", asFUNCTION(race_time));
    method(of, "int get_TickTime()", asFUNCTION(tick_time));
    method(of, "bool get_InRace()", asFUNCTION(in_race));
}

inline void register_all()
{
    text::register_type(engine);
    list::register_type(engine);
    values("Severity", {{"Info", 0}, {"Success", 1}, {"Warning", 2}, {"Error", 3}});
    values("InputType", {{"None", -1}, {"Down", 0}, {"Up", 1}, {"Left", 2}, {"Right", 3}, {"Steer", 4}, {"Gas", 5}});
    values("InputFormatFlags", {{"None", 0}, {"DecimalTime", 1}, {"SeperateRelease", 2}, {"Default", 4}});
    values("ExecuteCommandFlags", {{"None", 0}, {"AppendHistory", 1}, {"Echo", 2}, {"SuppressOutput", 8}, {"Default", 3}});
    must(engine->RegisterObjectType("vec2", sizeof(Vec2), asOBJ_VALUE | asOBJ_POD | asGetTypeTraits<Vec2>() | asOBJ_APP_CLASS_ALLFLOATS), "vec2");
    must(engine->RegisterObjectBehaviour("vec2", asBEHAVE_CONSTRUCT, "void f(float x, float y)", asFUNCTION(make_vec2), asCALL_CDECL_OBJLAST), "vec2()");
    must(engine->RegisterObjectProperty("vec2", "float x", asOFFSET(Vec2, x)), "x");
    must(engine->RegisterObjectProperty("vec2", "float y", asOFFSET(Vec2, y)), "y");
    plain<Vec3>("vec3");
    property("vec3", "float x", asOFFSET(Vec3, x));
    property("vec3", "float y", asOFFSET(Vec3, y));
    property("vec3", "float z", asOFFSET(Vec3, z));
    plain<Mat3>("mat3");
    property("mat3", "vec3 x", asOFFSET(Mat3, x));
    property("mat3", "vec3 y", asOFFSET(Mat3, y));
    property("mat3", "vec3 z", asOFFSET(Mat3, z));
    plain<Iso4>("iso4");
    property("iso4", "mat3 Rotation", asOFFSET(Iso4, Rotation));
    property("iso4", "vec3 Position", asOFFSET(Iso4, Position));
    counted<PluginInfo>("PluginInfo");
    made_by("PluginInfo", "PluginInfo@ f()", asFUNCTIONPR([] { return new PluginInfo; }, (), PluginInfo*));
    must(engine->RegisterObjectProperty("PluginInfo", "string Author", asOFFSET(PluginInfo, Author)), "Author");
    must(engine->RegisterObjectProperty("PluginInfo", "string Name", asOFFSET(PluginInfo, Name)), "Name");
    must(engine->RegisterObjectProperty("PluginInfo", "string Description", asOFFSET(PluginInfo, Description)), "Description");
    must(engine->RegisterObjectProperty("PluginInfo", "string Version", asOFFSET(PluginInfo, Version)), "Version");
    register_net();
    register_simulation();
    must(engine->RegisterFuncdef("void OnCustomCommand(int fromTime, int toTime, const string&in commandLine, const array<string>&in args)"), "OnCustomCommand");
    function("void RegisterCustomCommand(const string&in name, const string&in description, OnCustomCommand@ callback)", asFUNCTION(register_command));
    function("bool RegisterVariable(const string&in name, double defaultVal)", asFUNCTION(register_variable));
    function("double GetVariableDouble(const string&in name)", asFUNCTION(variable));
    function("void ExecuteCommand(const string&in input, ExecuteCommandFlags flags = ExecuteCommandFlags::Default)", asFUNCTION(execute));
    function("void log(const string&in str, Severity severity = Severity::Info)", asFUNCTION(api::log));
    function("TM::GameState GetCurrentGameState()", asFUNCTION(api::state));
    function("SimulationManager@ GetSimulationManager()", asFUNCTION(manager));
    function("void ToggleRaceInterface(bool visible)", asFUNCTION(show_interface));
    engine->SetDefaultNamespace("Time");
    function("uint64 get_Now()", asFUNCTION(now));
    engine->SetDefaultNamespace("");
    if (declares("map"))
        function("TM::GameCtnChallenge@ GetCurrentChallenge()", asFUNCTION(challenge));
    if (declares("camera"))
        function("TM::GameCamera@ GetCurrentCamera()", asFUNCTION(current_camera));
    if (declares("script"))
        register_scripts();
    engine->SetDefaultNamespace("Text");
    if (declares("camera") || declares("car"))
        function("string FormatFloat(double val, const string&in options = \"\", uint width = 0, uint precision = 0)", asFUNCTION(format));
    engine->SetDefaultNamespace("IO");
    if (declares("process"))
        function("uint GetCurrentProcessId()", asFUNCTION(process_id));
    if (declares("folder"))
        function("string GetUserPath()", asFUNCTION(user_path));
    engine->SetDefaultNamespace("Graphics");
    if (declares("focus"))
    {
        function("void FocusGameWindow()", asFUNCTION(focus_window));
        function("void ShowGameWindow()", asFUNCTION(show_window));
    }
    if (declares("render"))
        function("void ForceGameRender()", asFUNCTION(force_render));
    function("array<uint8>@ CaptureScreenshot(vec2&inout size)", asFUNCTION(capture));
    engine->SetDefaultNamespace("");
}
} // namespace api
